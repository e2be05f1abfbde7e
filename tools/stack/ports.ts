/**
 * A port of the loopback address that nobody uses at the moment, and that nobody gets by chance: below the range from
 * which the system takes the near ends of connections. A server that is stopped and started again would otherwise
 * find its port in use by whoever had connected to something else meanwhile.
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

/** Whether something listens there. */
export function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Linux hands out 32768 and up, macOS 49152 and up; below these are the ports that servers are known by. */
const LOWEST = 15_000;
const HIGHEST = 32_000;
const ATTEMPTS_MAX = 100;
