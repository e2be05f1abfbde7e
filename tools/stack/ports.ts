/**
 * A free loopback port below the range of ephemeral ports. From that range, the system could give the port to an
 * outgoing connection while a server restarts, and the server could not listen again.
 */
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

/** Whether a server listens on the port. */
export function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Above the well-known ports; ephemeral ports start at 32768 on Linux and at 49152 on macOS. */
const LOWEST = 15_000;
const HIGHEST = 32_000;
const ATTEMPTS_MAX = 100;
