/**
 * Figures of the benchmark for a document. A figure is a name of bench/results.json, alone or after a view:
 * `GET: hit` (median and unit), `median of …`, `range of …`, `ratio of …` (to its limit), `note of …`, or a quotient
 * such as `1,000,000 / GET: hit` or `GET: hit / GET: miss`.
 */
import {
  amount,
  type Measurement,
  median,
  range,
  ratiosOf,
  spread,
  toRatio,
} from "../../bench/measurement.ts";
import type { Results } from "../../bench/results.ts";

export function figureText(results: Results, figure: string): string {
  const [, dividend, divisor] = /^(.+) \/ (.+)$/.exec(figure) ?? [];
  if (dividend !== undefined && divisor !== undefined && !isName(results, figure)) {
    const number = /^[\d,]+$/.test(dividend)
      ? Number(dividend.replaceAll(",", ""))
      : median(measured(results, dividend).figures);
    return String(Number((number / median(measured(results, divisor).figures)).toPrecision(2)));
  }
  const [, view, name] = /^(median|range|ratio|note) of (.+)$/.exec(figure) ?? [];
  const measurement = measured(results, name ?? figure);
  const { figures, unit, note } = measurement;
  if (view === "median") return amount(median(figures));
  if (view === "range") return range(figures, amount);
  if (view === "ratio") return spread(ratiosOf(measurement), toRatio);
  if (view === "note" && note !== undefined) return note;
  return `${amount(median(figures))} ${unit}`;
}

function measured(results: Results, name: string): Measurement {
  const found = allOf(results).find((result) => result.name === name);
  if (!found) throw new Error(`bench/results.json holds no figure "${name}"`);
  return found;
}

const isName = (results: Results, name: string) => allOf(results).some((result) => result.name === name);

function allOf({ results, parts = {} }: Results): readonly Measurement[] {
  return [...results, ...Object.values(parts).flatMap((run) => run.results)];
}
