/** `publish` resolves when the message is stored. */
import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import type { Stan } from "node-nats-streaming";
import { hostAndPort, type NatsServer, natsServers } from "../../src/inbox/sources/nats-servers.ts";
import { connectToServer } from "../../src/inbox/sources/nats-streaming/connect.ts";
import type { DomainKit } from "../domains/kit.ts";

export interface Transport extends AsyncDisposable {
  /** @throws PayloadRefusedError if it cannot be accepted; another error if it may not be stored. */
  publish(payload: Buffer, context?: PublishContext): Promise<void>;
}

/** If the transport supports it. */
export type PublishContext = Readonly<{
  traceparent?: string | undefined;
  /** Keeps the order per key. */
  key?: string | undefined;
}>;

/** For example too large. */
export class PayloadRefusedError extends Error {}

export type BrokerAddress = Readonly<{ url: string; clusterId: string; channel: string }>;

/** @throws if the broker is unreachable. */
export async function connectToBroker({ url, clusterId, channel }: BrokerAddress): Promise<Transport> {
  const client = await connectToAny(natsServers(url), clusterId);
  const connection = (client as unknown as { nc: { connected: boolean; info: { max_payload: number } } }).nc;
  let lost: Error | undefined;
  const onLost = (cause: unknown) => {
    lost ??= new Error(`the connection to the broker was lost: ${String(cause)}`);
  };
  client.on("error", onLost);
  client.on("connection_lost", onLost);
  client.on("disconnect", () => onLost("disconnected"));
  client.on("close", () => onLost("closed"));
  return {
    publish: (payload) =>
      new Promise((resolve, reject) => {
        if (lost) return reject(lost);
        const bytesMax = connection.info.max_payload - ENVELOPE_BYTES;
        if (payload.length > bytesMax) {
          return reject(new PayloadRefusedError(`the broker accepts up to ${bytesMax} bytes`));
        }
        client.publish(channel, payload as unknown as string, (error) => {
          // Without a connection, the library calls back without an error.
          if (error || !connection.connected) {
            reject(error ?? lost ?? new Error("the connection to the broker was lost"));
          } else {
            resolve();
          }
        });
      }),
    [Symbol.asyncDispose]: async () => {
      if (lost) return;
      const closed = new Promise((resolve) => client.once("close", resolve));
      client.close();
      await closed;
    },
  };
}

/**
 * @param intake builds the request.
 * @param token INGRESS_TOKEN, if set.
 */
export function connectToHttp(
  url: string,
  intake: DomainKit["intake"],
  token: string | undefined,
): Transport {
  const agent = new Agent({ keepAlive: true, maxSockets: HTTP_CONNECTIONS });
  const common = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return {
    publish: (payload, { traceparent } = {}) =>
      new Promise((resolve, reject) => {
        const { path, headers = {}, body } = intake(payload);
        const sent = { ...common, ...headers, ...(traceparent === undefined ? {} : { traceparent }) };
        const post = request(`${url}${path}`, { method: "POST", agent, headers: sent }, (response) => {
          response.resume();
          const status = response.statusCode ?? 0;
          const text = `POST ${path} answered ${status}`;
          if (STORED.has(status)) response.once("end", resolve);
          else if (REFUSED.has(status)) reject(new PayloadRefusedError(text));
          else reject(new Error(text));
        });
        post.once("error", reject);
        post.end(body);
      }),
    [Symbol.asyncDispose]: async () => agent.destroy(),
  };
}

/** @throws the last server's error. */
async function connectToAny([server, ...others]: readonly NatsServer[], clusterId: string): Promise<Stan> {
  if (!server) throw new Error("no server is configured");
  const client = connectToServer(server, clusterId, `publisher-${randomUUID()}`, {
    maxPubAcksInflight: IN_FLIGHT_MAX,
  });
  try {
    await connected(client, hostAndPort(server));
    return client;
  } catch (error) {
    if (others.length === 0) throw error;
    return await connectToAny(others, clusterId);
  }
}

async function connected(client: Stan, host: string): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      client.once("connect", () => resolve());
      client.once("error", (cause: unknown) => {
        reject(new Error(`cannot connect to the broker at ${host}: ${String(cause)}`));
      });
      client.once("close", () => reject(new Error(`the broker at ${host} closed the connection`)));
    });
  } finally {
    client.removeAllListeners("error");
    client.removeAllListeners("close");
    // onLost handles lost connections, which are emitted here too.
    client.on("error", () => {});
  }
}

/** For ids and subject; beyond the limit the server closes the connection. */
const ENVELOPE_BYTES = 512;
const IN_FLIGHT_MAX = 16_384;
const HTTP_CONNECTIONS = 32;

/** In the inbox: succeeded, stored or declined. */
const STORED: ReadonlySet<number> = new Set([200, 201, 202, 409]);

/** Not stored: invalid, too large, or a reused id. */
const REFUSED: ReadonlySet<number> = new Set([400, 413, 422]);
