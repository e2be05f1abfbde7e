/** Payloads that are transformed together: only the guilty one fails, and a broken process accuses none. */
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readFilter } from "../../src/deadletter/find/filter.ts";
import { stepBulkRedrive } from "../../src/deadletter/repair/bulk-redrive.ts";
import type { Step } from "../../src/deadletter/transform/steps.ts";
import { Transformer } from "../../src/deadletter/transform/transformer.ts";
import { createLogger, type Logger } from "../../src/telemetry/logger.ts";
import { createDatabase } from "../support/database.ts";
import { ANN, openDesk } from "../support/desk.ts";
import { errorOf } from "../support/error.ts";
import { orderWith } from "../support/messages.ts";

const batches = suite("transform batches");
const SILENT = createLogger("silent");
const BYTES_MAX = 1024 * 1024;
const hasty = new Transformer(BYTES_MAX, SILENT, { timeMsMax: 300 });
/** Growth reaches the limit of memory first. */
const patient = new Transformer(BYTES_MAX, SILENT, { timeMsMax: 60_000 });

/** @returns what became of each payload: the new text, or the rule that it breaks. */
async function resultsOf(by: Transformer, payloads: readonly object[], ...steps: Step[]): Promise<string[]> {
  const transformation = await by.begin(steps);
  const results: string[] = [];
  for await (const result of transformation.applyEach(
    payloads.map((one) => Buffer.from(JSON.stringify(one))),
  )) {
    if (result.kind === "changed") results.push(Buffer.from(result.payload).toString());
    else results.push(result.kind === "failed" ? result.problem.rule : "unchanged");
  }
  return results;
}

const numbered = (count: number) => Array.from({ length: count }, (_none, n) => ({ n: String(n) }));

batches("thousands of payloads, and large ones, have their results in order", async () => {
  const cast: Step = { op: "cast", path: "/n", to: "number" };
  const results = await resultsOf(hasty, numbered(2_000), cast);
  assert.equal(
    results,
    numbered(2_000).map(({ n }) => `{"n":${n}}`),
  );
  const large = numbered(5).map(({ n }) => ({ n, text: "x".repeat(600_000) }));
  assert.equal(
    (await resultsOf(hasty, large, cast)).map((text) => text.slice(0, 7)),
    ['{"n":0,', '{"n":1,', '{"n":2,', '{"n":3,', '{"n":4,'],
  );
  assert.equal(await resultsOf(hasty, [], cast), []);
});

batches("if one payload exceeds its time or memory, or ends the process, only that one fails", async () => {
  const payloads = [...numbered(20), { bad: true }, ...numbered(20)];
  const expected = (rule: string) => payloads.map((one) => ("bad" in one ? rule : "1"));
  const guilty = (expression: string): Step => ({ op: "jsonata", expression: `bad ? ${expression} : 1` });
  const regex = `$match("${"a".repeat(60)}!", /(a|aa)+$/)`;
  assert.equal(await resultsOf(hasty, payloads, guilty(regex)), expected("time_max"));
  const growth = "$map([1..99999], function($i){ $split($pad('', 5000, 'x'), '') })";
  assert.equal(await resultsOf(patient, payloads, guilty(growth)), expected("memory_max"));
  // Ended as V8 does it if a single value is too large.
  const folder = await mkdtemp(join(tmpdir(), "waybill-transform-"));
  const file = join(folder, "aborts.ts");
  const processFile = join(import.meta.dirname, "../../src/deadletter/transform/process.ts");
  await writeFile(
    file,
    `process.on("message", ({ payloads }) => {
       if (payloads.some((payload) => Buffer.from(payload).includes("bad"))) process.kill(process.pid, "SIGABRT");
     });
     await import(${JSON.stringify(processFile)});`,
  );
  const dying = new Transformer(BYTES_MAX, SILENT, { file });
  assert.equal(await resultsOf(dying, payloads, guilty("1")), expected("memory_max"));
  await rm(folder, { recursive: true });
});

batches("a process that cannot work stops the run as a fault, and no letter is called guilty", async () => {
  await using database = await createDatabase();
  await using context = await openDesk(database);
  const { desk, receive } = context;
  await receive(...[1, 2, 3].map((n) => orderWith({ order_uid: `order ${n}`, locale: 0 })));
  const steps: Step[] = [{ op: "cast", path: "/locale", to: "string" }];
  const folder = await mkdtemp(join(tmpdir(), "waybill-transform-"));
  // A copy of the code finds no installed modules.
  await cp(join(import.meta.dirname, "../../src"), join(folder, "src"), { recursive: true });
  const exits = join(folder, "exits.ts");
  await writeFile(exits, "process.exit(7);");
  const broken: [file: string, reason: RegExp][] = [
    [join(folder, "src/deadletter/transform/process.ts"), /failed: .*Cannot find package/],
    [exits, /failed: exit code 7$/],
  ];
  for (const [file, reason] of broken) {
    const logged: unknown[] = [];
    const logger = { ...SILENT, error: (...line: unknown[]) => logged.push(line) } as unknown as Logger;
    const transformer = new Transformer(BYTES_MAX, logger, { file });
    assert.match((await errorOf(transformer.begin(steps))).message, reason);
    assert.match(JSON.stringify(logged), /failed: /);

    const { id } = await desk.redriveMany(readFilter({ path: "/locale" }), 10, 0, ANN, steps);
    const run = { ...context.context, transformer };
    while ((await stepBulkRedrive(run, BigInt(id))).kind !== "ended");
    const bulk = await desk.bulk(BigInt(id));
    assert.equal([bulk.status, bulk.redriven, bulk.left_open, bulk.skipped], ["stopped", 0, 0, 0]);
    assert.match(bulk.problem ?? "", reason);
  }
  await rm(folder, { recursive: true });
});

batches.run();
