/** The stream confirms each stored message. */
import { JetStreamApiCodes, JetStreamApiError, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import type { JetStreamConfig } from "../../src/config/sources.ts";
import { natsConnectionOptions } from "../../src/inbox/sources/jetstream/nats-connection.ts";
import { PayloadRefusedError, type Transport } from "./transport.ts";

/** @throws if the server is unreachable, or the stream is missing and may not be created. */
export async function connectToJetStream(config: JetStreamConfig): Promise<Transport> {
  const { url, stream, newStreamSubject } = config;
  const connection = await connect({
    ...natsConnectionOptions(config),
    name: "waybill-publisher",
  }).catch((error: Error) => {
    const hosts = url.split(",").map((text) => new URL(text.trim()).host);
    throw new Error(`cannot connect to NATS at ${hosts.join(", ")}: ${error.message}`);
  });
  try {
    const manager = await jetstreamManager(connection);
    const info = await manager.streams.info(stream).catch(async (error: unknown) => {
      const isMissing = error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
      if (!isMissing || newStreamSubject === undefined) throw error;
      return await manager.streams.add({ name: stream, subjects: [newStreamSubject] });
    });
    const subject = [config.subject, ...(info.config.subjects ?? [])].find(isLiteral) ?? stream;
    const client = jetstream(connection, { timeout: TIMEOUT_MS });
    return {
      publish: async (payload, { traceparent } = {}) => {
        const bytesMax = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
        if (payload.length > bytesMax - HEADER_BYTES_MAX) {
          throw new PayloadRefusedError(`the server accepts up to ${bytesMax} bytes`);
        }
        const sent = headers();
        if (traceparent) sent.set("traceparent", traceparent);
        await client.publish(subject, payload, traceparent ? { headers: sent } : {});
      },
      [Symbol.asyncDispose]: () => connection.close(),
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

const isLiteral = (subject: string | undefined): subject is string =>
  subject !== undefined && !/[*>]/.test(subject);

const TIMEOUT_MS = 10_000;
const HEADER_BYTES_MAX = 1_024;
