/** Figures with their spread, and limits of the same run. */

export type Measurement = Readonly<{
  name: string;
  unit: string;
  /** Per round. */
  figures: readonly number[];
  /** Per round; absent without a comparison. */
  limits?: readonly number[];
  /** What the limit is, such as `by COPY`. */
  limitName?: string;
  goal?: Readonly<{ of: "figure" | "ratio"; atLeast?: number; atMost?: number }>;
  note?: string;
}>;

/** Rotates the order each round, so that drift affects all equally. */
export async function inTurns(
  ways: Readonly<Record<string, () => number | Promise<number>>>,
  rounds: number,
  name: string,
  say: (text: string) => void,
): Promise<Map<string, number[]>> {
  const entries = Object.entries(ways);
  const figures = new Map(entries.map(([way]) => [way, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < entries.length; turn++) {
      const [way, measure] = entries[(turn + round) % entries.length] as (typeof entries)[number];
      figures.get(way)?.push(await measure());
    }
    const shown = [...figures].map(([way, values]) => `${way} ${Math.round(values.at(-1) ?? 0)}`);
    say(`${name}: round ${round + 1} of ${rounds}: ${shown.join(", ")}`);
  }
  return figures;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

/** Per round, because disturbances affect both values. */
export function ratiosOf({ figures, limits }: Measurement): number[] {
  return limits ? figures.map((figure, round) => figure / (limits[round] as number)) : [];
}

/** @returns undefined without a goal. */
export function isMet(measurement: Measurement): boolean | undefined {
  const { goal, figures } = measurement;
  if (!goal) return undefined;
  const value = median(goal.of === "ratio" ? ratiosOf(measurement) : figures);
  return (
    value >= (goal.atLeast ?? Number.NEGATIVE_INFINITY) && value <= (goal.atMost ?? Number.POSITIVE_INFINITY)
  );
}

export function documentOf(measurement: Measurement) {
  const { figures, limits } = measurement;
  const ratios = ratiosOf(measurement);
  return {
    ...measurement,
    figure: median(figures),
    limit: limits ? median(limits) : null,
    ratio: limits ? median(ratios) : null,
    met: isMet(measurement) ?? null,
  };
}

/** Medians, with minimum and maximum in brackets. */
export function tableOf(measurements: readonly Measurement[]): string {
  const rows = measurements.map((measurement) => {
    const { name, unit, figures, limits, limitName } = measurement;
    const met = isMet(measurement);
    const cells = [
      name,
      `${spread(figures, amount)} ${unit}`,
      limits ? `${spread(limits, amount)}${limitName ? ` ${limitName}` : ""}` : "",
      limits ? spread(ratiosOf(measurement), toRatio) : "",
      goalText(measurement),
      met === undefined ? "" : met ? "yes" : "**no**",
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const notes = measurements.flatMap(({ name, note }) => (note ? [`- ${name}: ${note}`] : []));
  return [
    "| what | figure | limit of the same run | ratio | goal | met |",
    "|---|---|---|---|---|---|",
    ...rows,
    ...(notes.length > 0 ? ["", ...notes] : []),
    "",
  ].join("\n");
}

/** The goal that is missed, beside what was measured. */
export function missedText(measurement: Measurement): string {
  const { name, unit, goal, figures } = measurement;
  const measured =
    goal?.of === "ratio" ? spread(ratiosOf(measurement), toRatio) : `${spread(figures, amount)} ${unit}`;
  return `${name}: ${measured}, goal ${goalText(measurement)}`;
}

/** The median, with minimum and maximum if there are several values. */
export function spread(values: readonly number[], show: (value: number) => string): string {
  return values.length === 1 ? show(median(values)) : `${show(median(values))} (${range(values, show)})`;
}

export function range(values: readonly number[], show: (value: number) => string): string {
  return `${show(Math.min(...values))}–${show(Math.max(...values))}`;
}

export const toRatio = (ratio: number) => ratio.toFixed(2);

export function amount(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function goalText({ goal }: Measurement): string {
  if (!goal) return "";
  const bound = goal.atLeast === undefined ? `≤ ${goal.atMost}` : `≥ ${goal.atLeast}`;
  return goal.of === "ratio" ? `${bound} of the limit` : bound;
}
