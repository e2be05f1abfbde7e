/**
 * A PgBouncer of one's own before a PostgreSQL server, in transaction mode with its defaults otherwise, for one database
 * or several. The program is Debian's package `pgbouncer`, looked for on PATH.
 */
import { chmod, chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Child, startChild, waitUntilReady } from "./child.ts";
import { runs } from "./go-program.ts";
import { freePort } from "./ports.ts";
import { unprivileged, withClient } from "./postgres.ts";

/** @returns its path; undefined if it is not installed. */
export function findPgBouncer(): string | undefined {
  return ["pgbouncer", "/usr/sbin/pgbouncer"].find((path) => runs(path, ["--version"]));
}

export class PgBouncer implements AsyncDisposable {
  readonly #port: number;
  readonly #child: Child;

  private constructor(port: number, child: Child) {
    this.#port = port;
    this.#child = child;
  }

  /** @param urls of the server behind it: one for each role that may connect, with the database that it may use. */
  static async start(program: string, folder: string, urls: readonly string[]): Promise<PgBouncer> {
    await mkdir(folder, { recursive: true });
    const listenPort = await freePort();
    const users = urls.map((url) => new URL(url));
    const userFile = join(folder, "users.txt");
    const settingsFile = join(folder, "pgbouncer.ini");
    await writeFile(
      userFile,
      users.map(({ username, password }) => `"${username}" "${password}"\n`).join(""),
    );
    await writeFile(
      settingsFile,
      [
        "[databases]",
        ...new Set(
          users.map(({ pathname, hostname, port }) => `${pathname.slice(1)} = host=${hostname} port=${port}`),
        ),
        "[pgbouncer]",
        `listen_addr = 127.0.0.1\nlisten_port = ${listenPort}\nunix_socket_dir =`,
        `auth_type = scram-sha-256\nauth_file = ${userFile}`,
        "pool_mode = transaction\n",
      ].join("\n"),
    );
    const { uid, gid } = unprivileged();
    if (uid !== undefined && gid !== undefined) {
      for (const path of [folder, userFile, settingsFile]) await chown(path, uid, gid);
    }
    await chmod(userFile, 0o600);
    const child = startChild(program, [settingsFile], {
      ...unprivileged(),
      logFile: join(folder, "pgbouncer.log"),
    });
    const pooler = new PgBouncer(listenPort, child);
    const answers = async () => {
      try {
        for (const url of urls) await withClient(pooler.through(url), (client) => client.query("select 1"));
        return true;
      } catch {
        return false;
      }
    };
    try {
      await waitUntilReady(child, `PgBouncer (see ${folder})`, answers);
      return pooler;
    } catch (error) {
      await pooler[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The same URL, through the pooler. */
  through(url: string): string {
    const pooled = new URL(url);
    pooled.hostname = "127.0.0.1";
    pooled.port = String(this.#port);
    return pooled.href;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.end("SIGINT");
  }
}
