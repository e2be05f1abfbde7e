/** Transforms the letters of one step of a bulk redrive: letters enter, new payloads leave. */
import type { Queryable } from "../../database/queryable.ts";
import { selectAt } from "../../inbox/inbox-table.ts";
import { LimitError, type Transformation, TransformerError } from "../transform/transformer.ts";

export type NextLetter = Readonly<{ position: bigint; isOpen: boolean }>;

export type Revised = Readonly<{
  /** The first letters, which are done. */
  taken: number;
  /** By position; undefined for the original payloads. */
  payloads: ReadonlyMap<bigint, Buffer> | undefined;
  /** Letters that the steps do not change or cannot be applied to. */
  leftOpen: number;
  /** Why no further letter should be tried. */
  problem: string | null;
}>;

/** Takes at least one letter, unless there is a problem; then as many as fit into the bounds of a step. */
export async function reviseLetters(
  database: Queryable,
  transformation: Transformation,
  letters: readonly NextLetter[],
): Promise<Revised> {
  const payloads = new Map<bigint, Buffer>();
  const open = letters.filter(({ isOpen }) => isOpen).map(({ position }) => position);
  const rows = await selectAt(database, open, Number.MAX_SAFE_INTEGER);
  const originals = new Map(rows.map(({ position, payload }) => [position, payload]));
  const results = transformation.applyEach(open.flatMap((position) => originals.get(position) ?? []));
  const endsAt = performance.now() + STEP_MS_MAX;
  let [taken, leftOpen, bytes] = [0, 0, 0];
  try {
    for (const { position } of letters) {
      if (taken > 0 && (performance.now() > endsAt || bytes > STEP_BYTES_MAX)) break;
      const { value: result } = originals.has(position) ? await results.next() : {};
      taken += 1;
      if (result?.kind === "changed") {
        payloads.set(position, Buffer.from(result.payload));
        bytes += result.payload.byteLength;
      } else if (result) {
        leftOpen += 1;
      }
    }
  } catch (error) {
    const problem = (error as Error).message;
    if (error instanceof TransformerError) return { taken, payloads, leftOpen, problem };
    // The letter is done: it exceeds a limit, too.
    if (error instanceof LimitError) return { taken: taken + 1, payloads, leftOpen: leftOpen + 1, problem };
    throw error;
  }
  return { taken, payloads, leftOpen, problem: null };
}

/** Well below the timeout of an idle transaction. */
const STEP_MS_MAX = 8_000;

/** Bounds the payloads in memory. */
const STEP_BYTES_MAX = 16 * 1024 * 1024;
