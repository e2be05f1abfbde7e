/**
 * The sequence numbers that a broker gives its messages: which of them never arrived. The audit reads them a piece of
 * the inbox at a time and carries the state from one audit to the next. A missing number was lost outside, mostly to
 * the broker's own limits. A number that arrives late is not missing any more.
 */

/** The message that the broker took last on one channel, by the broker's own time. */
export type LastSequence = Readonly<{ source: string; channel: string; number: bigint; time: bigint }>;

/** Numbers that a broker gave to messages that never arrived. */
export type SequenceGap = Readonly<{
  source: string;
  channel: string;
  /** The first and the last missing number. */
  from: bigint;
  to: bigint;
  /** The position of the message that came after them. */
  before: bigint;
  /** The broker's times, in nanoseconds, of the messages around the gap: a wiped store numbers from 1 again. */
  since: bigint;
  until: bigint;
}>;

/** A message that fills a part of a gap, which is named by its index in the list of gaps. */
export type Arrival = Readonly<{ gapIndex: number; number: bigint; position: bigint }>;

export type SequenceState = Readonly<{ lasts: readonly LastSequence[]; gaps: readonly SequenceGap[] }>;

export const NO_SEQUENCES: SequenceState = { lasts: [], gaps: [] };

/**
 * How long a gap is waited for. Within it a message that was refused is redelivered a few times.
 * @param ackWaitSeconds of each source: after so long its broker delivers a message again.
 */
export function settlingSeconds(ackWaitSeconds: readonly number[]): number {
  return REDELIVERIES * Math.max(ACK_WAIT_SECONDS_MIN, ...ackWaitSeconds);
}

const REDELIVERIES = 4;
/** The default of the brokers. A shorter one is no reason to wait less. */
const ACK_WAIT_SECONDS_MIN = 30;

/** How many messages a gap stands for. */
export function gapSize({ from, to }: Pick<SequenceGap, "from" | "to">): bigint {
  return to - from + 1n;
}

/**
 * The gaps that remain after some of their messages have arrived.
 * @param arrivals in the order of their numbers.
 */
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

/** The state as a proof stores it: the times do not fit the numbers of JSON. */
export function sequencesToJson({ lasts, gaps }: SequenceState): string {
  return JSON.stringify({ lasts, gaps }, (_key, value) =>
    typeof value === "bigint" ? String(value) : value,
  );
}

/** The inverse of `sequencesToJson`. */
export function sequencesFromJson(json: object): SequenceState {
  const names = new Set(["number", "time", "from", "to", "before", "since", "until"]);
  const revive = (entry: object) =>
    Object.fromEntries(
      Object.entries(entry).map(([name, value]) => [name, names.has(name) ? BigInt(value) : value]),
    );
  const { lasts, gaps } = json as { lasts: object[]; gaps: object[] };
  return { lasts: lasts.map(revive) as LastSequence[], gaps: gaps.map(revive) as SequenceGap[] };
}
