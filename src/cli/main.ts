/** Runs the `waybill` command in a process of its own. */
import { run } from "./command.ts";
import { waybill } from "./waybill.ts";

await run(waybill);
