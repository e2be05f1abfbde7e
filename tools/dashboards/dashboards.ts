/** All dashboards and their files. */
import { KITS } from "../domains/index.ts";
import { build } from "./build.ts";
import { DEAD_LETTERS } from "./dead-letters.ts";
import { FLOW } from "./flow.ts";
import { GRPC } from "./grpc.ts";
import { HTTP } from "./http.ts";
import type { Dashboard } from "./panels.ts";
import { PROCESS_AND_DATABASE } from "./process-and-database.ts";

export const DASHBOARDS: readonly Dashboard[] = [
  FLOW,
  DEAD_LETTERS,
  HTTP,
  GRPC,
  PROCESS_AND_DATABASE,
  ...KITS.flatMap(({ dashboard }) => dashboard ?? []),
];

export const fileOf = ({ uid }: Dashboard): string => `${uid}.json`;

export const jsonOf = (dashboard: Dashboard): string => `${JSON.stringify(build(dashboard), null, 2)}\n`;
