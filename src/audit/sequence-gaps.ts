/**
 * Finds brokers' sequence numbers that never arrived, piece by piece: each audit continues from the last one's state. A
 * missing number was lost outside, mostly to the broker's limits; one that arrives late is no longer missing.
 */

/** A channel's last message, by the broker's time. */
export type LastSequence = Readonly<{ source: string; channel: string; number: bigint; time: bigint }>;

export type SequenceGap = Readonly<{
  source: string;
  channel: string;
  from: bigint;
  to: bigint;
  /** The position of the message after the gap. */
  before: bigint;
  /** The broker's times around the gap, in nanoseconds: a wiped store numbers from 1 again. */
  since: bigint;
  until: bigint;
}>;

/** A message that fills a part of a gap. */
export type Arrival = Readonly<{ gapIndex: number; number: bigint; position: bigint }>;

export type SequenceState = Readonly<{ lasts: readonly LastSequence[]; gaps: readonly SequenceGap[] }>;

export const NO_SEQUENCES: SequenceState = { lasts: [], gaps: [] };

/** Time for a few redeliveries of a refused message. */
export function settlingSeconds(ackWaitSeconds: readonly number[]): number {
  return REDELIVERIES * Math.max(ACK_WAIT_SECONDS_MIN, ...ackWaitSeconds);
}

const REDELIVERIES = 4;
/** The brokers' default. */
const ACK_WAIT_SECONDS_MIN = 30;

export function gapSize({ from, to }: Pick<SequenceGap, "from" | "to">): bigint {
  return to - from + 1n;
}

/** @param arrivals ordered by number. */
export function removeArrived(gaps: readonly SequenceGap[], arrivals: readonly Arrival[]): SequenceGap[] {
  const filled = Map.groupBy(arrivals, ({ gapIndex }) => gapIndex);
  return gaps.flatMap((gap, index) => {
    const pieces: SequenceGap[] = [];
    let { from } = gap;
    for (const { number } of filled.get(index) ?? []) {
      if (number > from) pieces.push({ ...gap, from, to: number - 1n });
      from = number + 1n;
    }
    return from <= gap.to ? [...pieces, { ...gap, from }] : pieces;
  });
}

/** JSON cannot hold bigint. */
export function sequencesToJson({ lasts, gaps }: SequenceState): string {
  return JSON.stringify({ lasts, gaps }, (_key, value) =>
    typeof value === "bigint" ? String(value) : value,
  );
}

export function sequencesFromJson(json: object): SequenceState {
  const names = new Set(["number", "time", "from", "to", "before", "since", "until"]);
  const revive = (entry: object) =>
    Object.fromEntries(
      Object.entries(entry).map(([name, value]) => [name, names.has(name) ? BigInt(value) : value]),
    );
  const { lasts, gaps } = json as { lasts: object[]; gaps: object[] };
  return { lasts: lasts.map(revive) as LastSequence[], gaps: gaps.map(revive) as SequenceGap[] };
}
