/** Finds a topic of a Kafka cluster, or creates it. */
import { type Admin, UserError } from "@platformatic/kafka";

/** The brokers of a cluster, and the partitions of the topics that were asked for. */
export type Cluster = Awaited<ReturnType<Admin["metadata"]>>;

/**
 * @param partitions number of partitions of a topic that is created if it does not exist; 0: it is not created.
 * @throws Error if it does not exist.
 */
export async function findTopic(admin: Admin, topic: string, partitions: number): Promise<Cluster> {
  try {
    return await admin.metadata({ topics: [topic] });
  } catch (error) {
    // The only error of this class here: the cluster answered, and has no such topic.
    if (!(error instanceof UserError)) throw error;
    if (partitions === 0) {
      throw new Error(
        `topic ${topic} does not exist and is waited for (KAFKA_CREATE_TOPIC=<number of partitions> creates it)`,
      );
    }
    await admin.createTopics({ topics: [topic], partitions, replicas: DEFAULT_OF_BROKER });
    return await admin.metadata({ topics: [topic], forceUpdate: true });
  }
}

const DEFAULT_OF_BROKER = -1;
