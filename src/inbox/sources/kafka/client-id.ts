/**
 * Detects another process with the same KAFKA_CLIENT_ID: brokers take both for one restarted member, so both read every
 * record. Each session uses a unique client id, and the group's description shows whose request came last.
 */
import { randomBytes } from "node:crypto";
import { type Connection, consumerGroupDescribeV0, describeGroupsV5 } from "@platformatic/kafka";

export function clientIdOfSession(clientId: string): string {
  return `${clientId}-${randomBytes(RANDOM_BYTES).toString("hex")}`;
}

/**
 * @param memberId the member id (`consumer`) or group instance id (`classic`).
 * @returns the client id of the member's last request.
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
