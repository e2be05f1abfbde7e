/** The replicas of the topic of order events. */
import { Admin, ConfigResourceTypes, IncrementalAlterConfigOperationTypes } from "@platformatic/kafka";
import { EVENTS_TOPIC } from "../../src/domains/loms/events.ts";
import type { KafkaCluster } from "../stack/kafka-cluster.ts";

/** Brokers refuse events while fewer replicas are in sync. */
export async function setMinInSync(cluster: KafkaCluster, replicas: number): Promise<void> {
  const config = {
    name: "min.insync.replicas",
    value: String(replicas),
    configOperation: IncrementalAlterConfigOperationTypes.SET,
  };
  const { TOPIC } = ConfigResourceTypes;
  await ask(cluster, (admin) =>
    admin.incrementalAlterConfigs({
      resources: [{ resourceType: TOPIC, resourceName: EVENTS_TOPIC, configs: [config] }],
    }),
  );
}

/** @returns how many replicas are in sync in the partition that has the fewest. */
export async function countInSync(cluster: KafkaCluster): Promise<number> {
  const { topics } = await ask(cluster, (admin) => admin.metadata({ topics: [EVENTS_TOPIC] }));
  const { partitions = [] } = topics.get(EVENTS_TOPIC) ?? {};
  return Math.min(...partitions.map(({ isr }) => isr.length));
}

/** Asks the first broker, which faults of others leave alone. */
async function ask<T>({ brokers }: KafkaCluster, request: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({ clientId: "marketplace", bootstrapBrokers: [brokers[0].address] });
  return await request(admin).finally(() => admin.close());
}
