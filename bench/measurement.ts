/** One line of the benchmark's table. */
export type Measurement = Readonly<{
  name: string;
  figure: number;
  unit: string;
  /** What the machine could do in the same run; undefined where there is nothing to compare with. */
  limit: number | undefined;
  goal: string;
  met: boolean;
}>;
