/** One process of a service: it keeps its name and addresses when it ends and starts again. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../stack/ports.ts";
import { type ServiceProcess, startServiceProcess } from "../stack/service.ts";

export class Service {
  /** The name in messages: two processes of one domain have two names. */
  readonly name: string;
  readonly domain: string;
  /** The address of HTTP: the gateway, the API pages, metrics and the audit. */
  readonly url: string;
  readonly grpcUrl: string;
  readonly logFile: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #onSurprise: (text: string) => void;
  #process: ServiceProcess | undefined;
  #isMeantToRun = false;

  private constructor(
    { name, domain, environment, folder, onSurprise }: ServiceOptions,
    httpPort: number,
    grpcPort: number,
  ) {
    this.name = name;
    this.domain = domain;
    this.url = `http://127.0.0.1:${httpPort}`;
    this.grpcUrl = `http://127.0.0.1:${grpcPort}`;
    this.#folder = join(folder, name.replace(" ", "-"));
    this.logFile = join(this.#folder, "service.log");
    this.#environment = {
      ...environment,
      DOMAINS: domain,
      HTTP_PORT: String(httpPort),
      GRPC_PORT: String(grpcPort),
    };
    this.#onSurprise = onSurprise;
  }

  /** Makes the process's folder and chooses its ports; `start` starts it. */
  static async create(options: ServiceOptions): Promise<Service> {
    const service = new Service(options, await freePort(), await freePort());
    await mkdir(service.#folder, { recursive: true });
    return service;
  }

  /** Starts the process and waits until it is ready. @param extra variables for this start alone. */
  async start(extra: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#isMeantToRun = true;
    const running = await startServiceProcess({ ...this.#environment, ...extra }, this.#folder);
    this.#process = running;
    void running.child.ended.then((status) => {
      if (this.#process === running && this.#isMeantToRun)
        this.#onSurprise(`${this.name} ended by itself with status ${status} (see ${this.logFile})`);
    });
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#isMeantToRun = false;
    await this.#process?.child.end(signal);
  }

  /** Resolves when the process has ended, which is expected from now on. */
  async ended(): Promise<void> {
    this.#isMeantToRun = false;
    await this.#process?.child.ended;
  }

  /** Halts the process as it stands, with its connections open, or continues it. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#process?.child.signal(signal);
  }
}

export type ServiceOptions = Readonly<{
  name: string;
  domain: string;
  /** Everything but the domain and the ports. */
  environment: Readonly<Record<string, string>>;
  /** The process gets a folder of its own in it. */
  folder: string;
  /** Called if the process ends although nothing ended it. */
  onSurprise: (text: string) => void;
}>;
