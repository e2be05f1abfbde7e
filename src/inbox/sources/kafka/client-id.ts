/**
 * Notices another process with the same KAFKA_CLIENT_ID. Brokers take two such processes for one member that restarted:
 * they refuse neither, and both get all partitions and read every record. The requests of a member therefore carry a
 * client id that no other session has, and the group's description shows which one came last.
 */
import { randomBytes } from "node:crypto";
import { type Connection, consumerGroupDescribeV0, describeGroupsV5 } from "@platformatic/kafka";

/** The client id of one session's requests: the configured one, and a few random characters. */
export function clientIdOfSession(clientId: string): string {
  return `${clientId}-${randomBytes(RANDOM_BYTES).toString("hex")}`;
}

/**
 * @param memberId the member id (`consumer`) or the group instance id (`classic`), which both processes share.
 * @returns the client id of the member's last request; undefined if the group has no such member.
 */
export async function lastClientIdOf(
  memberId: string,
  groupId: string,
  protocol: "consumer" | "classic",
  coordinator: Connection,
): Promise<string | undefined> {
  if (protocol === "consumer") {
    const { groups } = await consumerGroupDescribeV0.api.async(coordinator, [groupId], false);
    return groups[0]?.members.find((member) => member.memberId === memberId)?.clientId;
  }
  const { groups } = await describeGroupsV5.api.async(coordinator, [groupId], false);
  return groups[0]?.members.find((member) => member.groupInstanceId === memberId)?.clientId;
}

/** Enough to tell a handful of processes apart. */
const RANDOM_BYTES = 4;
