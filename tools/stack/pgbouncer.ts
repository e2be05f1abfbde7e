/** PgBouncer in transaction mode, from PATH (Debian: `pgbouncer`). */
import { chmod, chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Child, startChild, waitUntilReady } from "./child.ts";
import { runs } from "./go-program.ts";
import { freePort } from "./ports.ts";
import { unprivileged, withClient } from "./postgres.ts";

/** @returns undefined if it is not installed. */
export function findPgBouncer(): string | undefined {
  return ["pgbouncer", "/usr/sbin/pgbouncer"].find((path) => runs(path, ["--version"]));
}

export class PgBouncer implements AsyncDisposable {
  readonly #program: string;
  readonly #folder: string;
  readonly #port: number;
  readonly #urls: readonly string[];
  #child: Child | undefined;

  private constructor(program: string, folder: string, port: number, urls: readonly string[]) {
    this.#program = program;
    this.#folder = folder;
    this.#port = port;
    this.#urls = urls;
  }

  /** @param urls one per role, with its database. */
  static async start(program: string, folder: string, urls: readonly string[]): Promise<PgBouncer> {
    const pooler = new PgBouncer(program, folder, await freePort(), urls);
    await pooler.#configure();
    await pooler.start();
    return pooler;
  }

  /** On the same port as before. */
  async start(): Promise<void> {
    const child = startChild(this.#program, [this.#settingsFile], {
      ...unprivileged(),
      logFile: join(this.#folder, "pgbouncer.log"),
    });
    this.#child = child;
    const answers = async () => {
      try {
        for (const url of this.#urls)
          await withClient(this.through(url), (client) => client.query("select 1"));
        return true;
      } catch {
        return false;
      }
    };
    try {
      await waitUntilReady(child, `PgBouncer (see ${this.#folder})`, answers);
    } catch (error) {
      await this.stop("SIGKILL");
      throw error;
    }
  }

  /** `SIGINT` lets statements finish; `SIGKILL` is a crash. */
  async stop(signal: "SIGINT" | "SIGKILL"): Promise<void> {
    await this.#child?.end(signal);
  }

  through(url: string): string {
    const pooled = new URL(url);
    pooled.hostname = "127.0.0.1";
    pooled.port = String(this.#port);
    return pooled.href;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGINT");
  }

  get #settingsFile(): string {
    return join(this.#folder, "pgbouncer.ini");
  }

  async #configure(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const users = this.#urls.map((url) => new URL(url));
    const userFile = join(this.#folder, "users.txt");
    await writeFile(
      userFile,
      users.map(({ username, password }) => `"${username}" "${password}"\n`).join(""),
    );
    await writeFile(
      this.#settingsFile,
      [
        "[databases]",
        ...new Set(
          users.map(({ pathname, hostname, port }) => `${pathname.slice(1)} = host=${hostname} port=${port}`),
        ),
        "[pgbouncer]",
        `listen_addr = 127.0.0.1\nlisten_port = ${this.#port}\nunix_socket_dir =`,
        `auth_type = scram-sha-256\nauth_file = ${userFile}`,
        "pool_mode = transaction",
        `max_client_conn = ${CLIENTS_MAX}\n`,
      ].join("\n"),
    );
    const { uid, gid } = unprivileged();
    if (uid !== undefined && gid !== undefined) {
      for (const path of [this.#folder, userFile, this.#settingsFile]) await chown(path, uid, gid);
    }
    await chmod(userFile, 0o600);
  }
}

/** Six processes of the service hold more than the hundred connections of the default. */
const CLIENTS_MAX = 400;
