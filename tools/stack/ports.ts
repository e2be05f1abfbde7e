/** A free loopback port below the ephemeral range, from which the system could take it while a server restarts. */
import { randomInt } from "node:crypto";
import { connect, createServer } from "node:net";

export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await canListen(port)) return port;
  }
  throw new Error(`no free port was found between ${LOWEST} and ${HIGHEST}`);
}

function canListen(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

export function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Above well-known ports; ephemeral ports start at 32768 (Linux) or 49152 (macOS). */
const LOWEST = 15_000;
const HIGHEST = 32_000;
const ATTEMPTS_MAX = 100;
