/** A load generator. */
export interface Attacker {
  /** Loads the targets. @param load requests a second in an open loop, connections in a closed one. */
  attack(name: string, targets: Targets, load: number, seconds: number): Promise<Report>;
  /** Loads of the ramp's steps. */
  readonly ramp: readonly number[];
  /** Unit of `load`. */
  readonly unit: string;
  /** Whether the loop is open, so that `load` is a rate to be reached. */
  readonly isOpen: boolean;
}

export type Target = Readonly<{
  method: "GET" | "POST";
  path: string;
  headers?: Record<string, string>;
  body?: Buffer;
}>;

export type Targets = Readonly<{
  url: string;
  list: readonly Target[];
  /** Name of a wrk script with the same requests. */
  script: string;
}>;

export type Report = Readonly<{
  requestsPerSecond: number;
  p50: number;
  p99: number;
  max: number;
  /** Unexpected answers. */
  failed: number;
}>;
