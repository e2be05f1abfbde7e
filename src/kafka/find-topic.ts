/** Finds a topic of a Kafka cluster, or creates it. */
import { type Admin, UserError } from "@platformatic/kafka";

export type Cluster = Awaited<ReturnType<Admin["metadata"]>>;

/**
 * @param partitions of a new topic; 0 creates none.
 * @throws Error if the topic does not exist.
 */
export async function findTopic(admin: Admin, topic: string, partitions: number): Promise<Cluster> {
  try {
    return await admin.metadata({ topics: [topic] });
  } catch (error) {
    // Only thrown if the cluster has no such topic.
    if (!(error instanceof UserError)) throw error;
    if (partitions === 0) {
      throw new Error(
        `topic ${topic} does not exist; waiting for it (KAFKA_CREATE_TOPIC=<number of partitions> creates it)`,
      );
    }
    await admin.createTopics({ topics: [topic], partitions, replicas: DEFAULT_OF_BROKER });
    return await admin.metadata({ topics: [topic], forceUpdate: true });
  }
}

const DEFAULT_OF_BROKER = -1;
