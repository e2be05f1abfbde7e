/**
 * A free loopback port below the ephemeral range, from which the system could take it while a server restarts. This
 * process reserves it by a UDP port until it ends, because a server may take a minute to listen.
 */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";

export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const port = randomInt(LOWEST, LOWEST + COUNT);
    if ((await reserve(port)) && (await canListen(port))) return port;
  }
  throw new Error(`no free port was found between ${LOWEST} and ${LOWEST + COUNT}`);
}

function reserve(port: number): Promise<boolean> {
  const socket = createSocket("udp4").unref();
  return new Promise((resolve) => {
    socket.once("error", () => socket.close(() => resolve(false)));
    socket.bind({ address: "127.0.0.1", port: port + COUNT, exclusive: true }, () => resolve(true));
  });
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

/** Above well-known ports; even the UDP ports are below the ephemeral ones, from 32768 (Linux) or 49152 (macOS). */
const LOWEST = 15_000;
const COUNT = 8_500;
const ATTEMPTS_MAX = 100;
