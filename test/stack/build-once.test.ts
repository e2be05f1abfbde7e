/** Programs are built once, also by processes that start together. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { buildOnce } from "../../tools/stack/build-once.ts";
import { environment } from "../support/database.ts";
import { until } from "../support/wait.ts";

const once = suite("build once");
const WHAT = "building a program, once (about a second)";

/** @param looks how often callers look for the program before it is built. */
function buildingOf(name: string, looks: number) {
  const folder = join(environment("WAYBILL_TEST_FOLDER"), "build-once");
  const target = join(folder, name);
  let [builds, looked] = [0, 0];
  const said: string[] = [];
  const building = {
    what: WHAT,
    target,
    isThere: () => {
      looked += 1;
      return existsSync(target);
    },
    build: async () => {
      builds += 1;
      await until("all have looked", () => looked >= looks);
      await writeFile(target, "");
      return true;
    },
  };
  const ask = () => buildOnce(building, (text) => said.push(text));
  return { folder, target, ask, said, builds: () => builds };
}

once("who asks meanwhile waits for the one build, and each is told what is built", async () => {
  const { target, ask, said, builds } = buildingOf("shared", 6);
  assert.equal(await Promise.all([ask(), ask(), ask()]), [true, true, true]);
  assert.is(builds(), 1);
  assert.equal(said, [WHAT, WHAT, WHAT]);
  assert.is(await ask(), true);
  assert.is(builds(), 1);
  assert.not(existsSync(`${target}.lock`));
});

once("the lock of a process that died stops no build", async () => {
  const { folder, target, ask, builds } = buildingOf("abandoned", 0);
  await mkdir(folder, { recursive: true });
  // Above the largest process id of Linux.
  await writeFile(`${target}.lock`, "4194305");
  assert.is(await ask(), true);
  assert.is(builds(), 1);
});

once.run();
