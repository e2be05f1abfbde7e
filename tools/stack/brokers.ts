/** Starts a broker of any kind. */
import type { Broker, BrokerKind } from "./broker.ts";
import { JetStream } from "./jetstream.ts";
import { Kafka } from "./kafka.ts";
import { findBroker, NatsStreaming } from "./nats-streaming.ts";

/** Finds or fetches the program; the store in `folder` is empty. @returns undefined if it is not available. */
export async function startBroker(
  kind: BrokerKind,
  folder: string,
  say: (text: string) => void,
): Promise<Broker | undefined> {
  if (kind === "kafka") return await Kafka.find(folder, say);
  if (kind === "jetstream") return await JetStream.find(folder, say);
  const program = await findBroker(say);
  if (!program) return undefined;
  say(`starting NATS Streaming (${program.kind === "binary" ? program.path : "Docker image"})`);
  return await NatsStreaming.create(program, folder);
}
