/** The process of the `waybill` command. */
import { run } from "./command.ts";
import { waybill } from "./waybill.ts";

await run(waybill);
