/**
 * The numbers that a broker gives its messages: which of them never came. They enter with the audit, a piece of the
 * inbox at a time, and what is known so far is carried from one audit to the next. A number that is missing was lost
 * outside, mostly to the broker's own limits; one that comes late is missing no more.
 */

/** Of one channel: the message that the broker took last, by its own time. */
export type LastNumber = Readonly<{ source: string; channel: string; number: bigint; time: bigint }>;

/** Messages that a broker numbered and that never came. */
export type Gap = Readonly<{
  source: string;
  channel: string;
  /** The first and the last number that are missing. */
  from: bigint;
  to: bigint;
  /** The position of the message that came after them. */
  before: bigint;
  /** The broker's times, in nanoseconds, of the messages around it: numbers begin anew where a store was wiped. */
  since: bigint;
  until: bigint;
}>;

export type Numbering = Readonly<{ lasts: readonly LastNumber[]; gaps: readonly Gap[] }>;

export const NO_NUMBERING: Numbering = { lasts: [], gaps: [] };

/** How many messages a gap stands for. */
export function missingIn({ from, to }: Pick<Gap, "from" | "to">): bigint {
  return to - from + 1n;
}

/** Whether a message is one of those that were missing. */
function isIn({ source, channel, number, time }: LastNumber, gap: Gap): boolean {
  return (
    source === gap.source &&
    channel === gap.channel &&
    number >= gap.from &&
    number <= gap.to &&
    time >= gap.since &&
    time <= gap.until
  );
}

/** What of the gaps is left when some of their messages have come after all. */
export function withoutLate(gaps: readonly Gap[], late: readonly LastNumber[]): Gap[] {
  let left = [...gaps];
  for (const message of late) {
    left = left.flatMap((gap) => {
      if (!isIn(message, gap)) return [gap];
      const pieces = [
        { ...gap, to: message.number - 1n },
        { ...gap, from: message.number + 1n },
      ];
      return pieces.filter(({ from, to }) => from <= to);
    });
  }
  return left;
}

/** As JSON holds it: the times do not fit its numbers. */
export function numberingToJson({ lasts, gaps }: Numbering): string {
  return JSON.stringify({ lasts, gaps }, (_key, value) =>
    typeof value === "bigint" ? String(value) : value,
  );
}

/** What `numberingToJson` made. */
export function numberingFromJson(json: object): Numbering {
  const names = new Set(["number", "time", "from", "to", "before", "since", "until"]);
  const revive = (entry: object) =>
    Object.fromEntries(
      Object.entries(entry).map(([name, value]) => [name, names.has(name) ? BigInt(value) : value]),
    );
  const { lasts, gaps } = json as { lasts: object[]; gaps: object[] };
  return { lasts: lasts.map(revive) as LastNumber[], gaps: gaps.map(revive) as Gap[] };
}
