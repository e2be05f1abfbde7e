/** How many dead letters each group gained within ten minutes: from successive totals, which only grow. */

export type GroupTotal = Readonly<{
  domain: string;
  fingerprint: string;
  code: string;
  letters: bigint;
  firstReceivedAt: Date;
}>;

export type Grown = Readonly<{ group: GroupTotal; letters: number }>;

type Sample = Readonly<{ atMs: number; letters: bigint }>;

export class Growth {
  #samples = new Map<string, readonly Sample[]>();

  /** @param totals the groups with a letter in the last ten minutes. */
  add(totals: readonly GroupTotal[], atMs: number): Grown[] {
    const samples = new Map<string, readonly Sample[]>();
    const grown = totals.map((group) => {
      const key = `${group.domain} ${group.fingerprint}`;
      const isNew = group.firstReceivedAt.getTime() > atMs - WINDOW_MS;
      // The first total of an older group is the base, because its recent part is unknown.
      const known = this.#samples.get(key) ?? [{ atMs, letters: isNew ? 0n : group.letters }];
      const recent = [...known, { atMs, letters: group.letters }].filter(
        (sample) => sample.atMs > atMs - WINDOW_MS,
      );
      samples.set(key, recent);
      return { group, letters: Number(group.letters - (recent[0]?.letters ?? group.letters)) };
    });
    this.#samples = samples;
    return grown;
  }
}

export const WINDOW_MS = 600_000;
