/** All dashboards, and the files that they become. */
import { DEAD_LETTERS } from "./dead-letters.ts";
import { FLOW } from "./flow.ts";
import { HTTP_AND_CACHE } from "./http-and-cache.ts";
import { build, type Dashboard } from "./panels.ts";
import { PROCESS_AND_DATABASE } from "./process-and-database.ts";

export const DASHBOARDS: readonly Dashboard[] = [FLOW, DEAD_LETTERS, HTTP_AND_CACHE, PROCESS_AND_DATABASE];

export const fileOf = ({ uid }: Dashboard): string => `${uid}.json`;

export const jsonOf = (dashboard: Dashboard): string => `${JSON.stringify(build(dashboard), null, 2)}\n`;
