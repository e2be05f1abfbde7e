/**
 * Finds the client's address. A proxy appends the address that it saw to `X-Forwarded-For`. Clients can forge that
 * header, so it is read from the right, and only as far as TRUSTED_PROXIES wrote it.
 */
import type { IncomingMessage } from "node:http";
import { BlockList, isIPv4, isIPv6 } from "node:net";

export class ClientAddresses {
  readonly #proxies = new BlockList();

  constructor(trusted: readonly string[]) {
    for (const entry of trusted) {
      const [address = "", bits] = entry.split("/");
      if (bits === undefined) this.#proxies.addAddress(address, familyOf(address));
      else this.#proxies.addSubnet(address, Number(bits), familyOf(address));
    }
  }

  read({ socket, headers }: IncomingMessage): string {
    let address = readAddress(socket.remoteAddress ?? "");
    const hops = String(headers["x-forwarded-for"] ?? "").split(",");
    while (address !== undefined && this.#isProxy(address)) {
      const hop = readAddress((hops.pop() ?? "").trim());
      if (hop === undefined) break;
      address = hop;
    }
    if (address === undefined) return "unknown";
    return isIPv6(address) ? networkOf(address) : address;
  }

  #isProxy(address: string): boolean {
    return this.#proxies.check(address, familyOf(address));
  }
}

/** Proxies may add a port or write IPv4 as IPv6. */
function readAddress(text: string): string | undefined {
  const [, bracketed, withPort] = /^\[(.+)\](?::\d+)?$|^([\d.]+):\d+$/.exec(text) ?? [];
  const address = (bracketed ?? withPort ?? text).replace(/^::ffff:(?=[\d.]+$)/i, "");
  return isIPv4(address) || isIPv6(address) ? address : undefined;
}

/** The first 64 bits: a client usually owns the whole /64. */
function networkOf(address: string): string {
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const groups = (text: string) => text.split(":").filter((group) => group !== "");
  const missing = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...new Array<string>(missing).fill("0"), ...groups(tail ?? "")];
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}

const familyOf = (address: string) => (isIPv6(address) ? "ipv6" : "ipv4");
