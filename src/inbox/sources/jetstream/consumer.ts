/** Finds or creates the stream and the durable consumer, updates the consumer's settings, and starts to pull. */
import {
  AckPolicy,
  type ConsumerMessages,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type StreamInfo,
} from "@nats-io/jetstream";
import { type NatsConnection, nanos } from "@nats-io/transport-node";
import type { JetStreamConfig } from "../../../config/sources.ts";
import type { Logger } from "../../../telemetry/logger.ts";
import { SettingsRefusedError } from "../keep-connected.ts";

export type ConsumerOptions = JetStreamConfig &
  Readonly<{
    logger: Logger;
    /** Fewer if the server's limits are lower. */
    inFlightMax?: number;
  }>;

export type OpenConsumer = Readonly<{
  messages: ConsumerMessages;
  /** Nanoseconds since the Unix epoch. */
  streamCreated: bigint;
  /** Need not be stored with each message; undefined if the stream has several subjects. */
  onlySubject: string | undefined;
  /** Messages that wait at the server or are not acknowledged. */
  lag: () => Promise<number>;
}>;

/** @throws SettingsRefusedError if the server rejects the settings; other errors if it is unavailable. */
export async function openConsumer(
  connection: NatsConnection,
  options: ConsumerOptions,
): Promise<OpenConsumer> {
  const { stream, durable } = options;
  const manager = await jetstreamManager(connection);
  const info = await ensureStream(manager, options);
  await ensureConsumer(manager, info, options).catch((error: unknown) => {
    throw isRefusal(error) ? new SettingsRefusedError(`durable ${durable}: ${error.message}`) : error;
  });
  const consumer = await jetstream(connection).consumers.get(stream, durable);
  const messages = await consumer.consume({
    // Fits the server's largest message.
    max_bytes: Math.max(PULL_BYTES_MAX, (connection.info?.max_payload ?? 0) + ENVELOPE_BYTES_MAX),
    expires: PULL_MS,
    abort_on_missing_resource: true,
  });
  const { subjects = [] } = info.config;
  return {
    messages,
    streamCreated: nanosecondsOf(info.created),
    onlySubject: subjects.length === 1 ? subjects[0] : undefined,
    lag: async () => {
      const { num_pending, num_ack_pending } = await manager.consumers.info(stream, durable);
      return num_pending + num_ack_pending;
    },
  };
}

async function ensureStream(
  manager: JetStreamManager,
  { stream, newStreamSubject }: ConsumerOptions,
): Promise<StreamInfo> {
  try {
    return await manager.streams.info(stream);
  } catch (error) {
    if (!hasCode(error, JetStreamApiCodes.StreamNotFound)) throw error;
    if (newStreamSubject !== undefined) {
      return await manager.streams.add({ name: stream, subjects: [newStreamSubject] });
    }
    throw new Error(
      `stream ${stream} does not exist; the source waits for it (JETSTREAM_CREATE_STREAM=true creates it)`,
    );
  }
}

/** The durable keeps its position in the stream. */
async function ensureConsumer(
  manager: JetStreamManager,
  info: StreamInfo,
  options: ConsumerOptions,
): Promise<void> {
  const { stream, durable, subject } = options;
  const known = await manager.consumers.info(stream, durable).catch((error: unknown) => {
    if (hasCode(error, JetStreamApiCodes.ConsumerNotFound)) return undefined;
    throw error;
  });
  if (known) {
    const { ack_policy, deliver_subject, filter_subject, filter_subjects } = known.config;
    const isOfOurKind = ack_policy === AckPolicy.Explicit && !deliver_subject;
    // A changed filter would skip older messages of this subject.
    if (!isOfOurKind || filter_subjects || (filter_subject || undefined) !== subject) {
      throw new SettingsRefusedError(
        `durable ${durable} of stream ${stream} is not a pull consumer with explicit acknowledgement ` +
          `${subject === undefined ? "of the whole stream" : `of ${subject}`}; set JETSTREAM_DURABLE to another name`,
      );
    }
  }
  await withinLimits(manager, info, options, async (inFlightMax) => {
    const settings = {
      ack_wait: nanos(options.ackWaitSeconds * 1000),
      max_ack_pending: inFlightMax,
      max_deliver: UNLIMITED,
    };
    if (known) return await manager.consumers.update(stream, durable, settings);
    const fixed = { durable_name: durable, ack_policy: AckPolicy.Explicit };
    const part = subject === undefined ? {} : { filter_subject: subject };
    return await manager.consumers.add(stream, { ...settings, ...fixed, ...part });
  });
}

/** Applies the largest window that the account, the stream and the server allow. */
async function withinLimits(
  manager: JetStreamManager,
  { config }: StreamInfo,
  { inFlightMax: wanted = IN_FLIGHT_MAX, logger, durable }: ConsumerOptions,
  apply: (inFlightMax: number) => Promise<unknown>,
): Promise<void> {
  const { limits, tiers = {} } = await manager.getAccountInfo();
  const tier = Object.values(tiers).map((tier) => tier?.limits.max_ack_pending);
  const reported = [limits.max_ack_pending, ...tier, config.consumer_limits?.max_ack_pending];
  let inFlightMax = Math.min(wanted, ...reported.map((limit = 0) => (limit > 0 ? limit : wanted)));
  for (;;) {
    try {
      await apply(inFlightMax);
      break;
    } catch (error) {
      // The API does not report limits of the whole server.
      if (!hasCode(error, WINDOW_TOO_LARGE) || inFlightMax === 1) throw error;
      inFlightMax = Math.floor(inFlightMax / 2);
    }
  }
  if (inFlightMax < wanted) {
    const context = { source: "jetstream", durable, inFlightMax, wanted };
    logger.info(context, "the server's limits make the window of unacknowledged messages smaller");
  }
}

/** The server rejected the request, rather than being unable to serve it. */
function isRefusal(error: unknown): error is JetStreamApiError {
  return error instanceof JetStreamApiError && error.status >= 400 && error.status < 500;
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}

/** Date.parse keeps milliseconds only. */
function nanosecondsOf(time: string): bigint {
  const [, seconds = "", fraction = "", zone = ""] = /^(.{19})(?:\.(\d{1,9}))?(.*)$/.exec(time) ?? [];
  return BigInt(Date.parse(seconds + zone)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** Four full appends, as with NATS Streaming. */
const IN_FLIGHT_MAX = 16_384;
/** For redeliveries. */
const UNLIMITED = -1;

/** Source: nats-server, errors.json, JSConsumerMaxPendingAckExcessErrF. */
const WINDOW_TOO_LARGE = 10_121;

/** Half an append, in addition to the inbox. */
const PULL_BYTES_MAX = 4 * 1024 * 1024;
/** The server counts subjects and headers too. */
const ENVELOPE_BYTES_MAX = 64 * 1024;
/** A large message can end a pull early. */
const PULL_MS = 2_000;
