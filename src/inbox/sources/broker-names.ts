/**
 * Reads how operators name a message of a broker: by its sequence in a stream, or by its offset in a partition. The id in
 * the inbox begins with that number; the rest of it tells apart what a broker numbered twice.
 */

export type BrokerName = Readonly<{
  /** What the text names, for people. */
  what: string;
  sources: readonly string[];
  /** Of the message id. */
  prefix: string;
  /** Undefined for any. */
  channel?: string | undefined;
  /** The third part of the message id, between slashes; undefined if the ids have none. */
  partition?: string;
}>;

/** Empty if the text is neither a sequence nor an offset. */
export function readBrokerNames(text: string): BrokerName[] {
  if (SEQUENCE.test(text)) {
    return [{ what: "stream sequence", sources: ["nats-streaming", "jetstream"], prefix: `${text}-` }];
  }
  const [, topic, partition, offset] = OFFSET.exec(text) ?? [];
  if (partition === undefined || offset === undefined) return [];
  const what = topic === undefined ? "partition/offset" : "topic/partition/offset";
  return [{ what, sources: ["kafka"], prefix: `${offset}/`, channel: topic, partition }];
}

const SEQUENCE = /^[1-9]\d{0,18}$/;

/** A topic has no slash. Source: Kafka's Topic.java. */
const OFFSET = /^(?:([A-Za-z0-9._-]{1,249})\/)?(0|[1-9]\d{0,9})\/(0|[1-9]\d{0,18})$/;
