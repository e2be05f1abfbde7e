/** Previews of a transformation: a page of letters enters; samples of all its kinds, with their outcomes, leave. */
import { setImmediate } from "node:timers/promises";
import type { Queryable } from "../../database/queryable.ts";
import { selectAt } from "../../inbox/inbox-table.ts";
import type { ListedLetter } from "../find/dead-letter-pages-table.ts";
import { type DiffLine, diffPayloads } from "../show/diff.ts";
import type { Mask } from "../show/mask.ts";
import type { Step } from "../transform/steps.ts";
import { suggestSteps } from "../transform/suggest.ts";
import type { Transformation, Transformed } from "../transform/transformer.ts";
import type { Trial } from "./dry-run.ts";

export type Sample = Readonly<{
  letter: ListedLetter;
  result: Transformed;
  /** Of a changed letter, if its domain runs here. */
  trial: Trial | undefined;
  diff: DiffLine[] | undefined;
}>;

export type PreviewContext = Readonly<{
  database: Queryable;
  transformation: Transformation;
  tryPayload: (letter: ListedLetter, payload: Buffer) => Promise<Trial> | undefined;
  maskOf: (domain: string) => Mask;
  signal: AbortSignal | undefined;
}>;

export async function previewLetters(
  { database, transformation, tryPayload, maskOf, signal }: PreviewContext,
  letters: readonly ListedLetter[],
  count: number,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const letter of spread(letters, count)) {
    signal?.throwIfAborted();
    const [row] = await selectAt(database, [letter.position], 1);
    if (!row) continue;
    const result = await transformation.apply(row.payload);
    if (result.kind !== "changed") {
      samples.push({ letter, result, trial: undefined, diff: undefined });
      continue;
    }
    const payload = Buffer.from(result.payload);
    const trial = await tryPayload(letter, payload);
    const mask = maskOf(letter.domain);
    const diff = diffPayloads(row.payload.toString(), payload.toString(), (text) => mask.text(text));
    samples.push({ letter, result, trial, diff });
    await setImmediate();
  }
  return samples;
}

/** For the largest group that suggests something. */
export function suggestedFor(letters: readonly ListedLetter[]): Step[] {
  const suggested = groupsOf(letters)
    .toSorted((one, other) => other.length - one.length)
    .map(([letter]) => suggestSteps(letter?.errors ?? []));
  return suggested.find((steps) => steps.length > 0) ?? [];
}

/** Takes one letter of each group in turn. */
function spread(letters: readonly ListedLetter[], count: number): ListedLetter[] {
  const groups = groupsOf(letters);
  const inTurns: ListedLetter[] = [];
  for (let round = 0; inTurns.length < Math.min(count, letters.length); round++) {
    for (const group of groups) inTurns.push(...group.slice(round, round + 1));
  }
  return inTurns.slice(0, count);
}

function groupsOf(letters: readonly ListedLetter[]): ListedLetter[][] {
  return [...Map.groupBy(letters, ({ domain, fingerprint }) => `${domain} ${fingerprint}`).values()];
}
