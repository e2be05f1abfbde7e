/** Service descriptions and the code generated from them. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { buf } from "./support/echo/echo.ts";

const proto = suite("descriptions of services");

async function filesOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const read = files.sort().map(async (file) => [relative(folder, file), await readFile(file, "utf8")]);
  return Object.fromEntries(await Promise.all(read));
}

proto("they follow the rules of buf", async () => {
  const { status, stdout, stderr } = await buf(["lint"], "proto");
  assert.is(status, 0, stdout + stderr);
});

for (const [template, committed] of [
  ["buf.gen.yaml", "src/proto"],
  ["buf.gen.test.yaml", "test/support/echo/gen"],
] as const) {
  proto(`${committed} is exactly what is generated: npm run proto`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "waybill-proto-"));
    try {
      // The template writes to "../src/proto"; this run writes beside the folder's own "proto".
      const output = join(folder, "proto");
      const { status, stderr } = await buf(["generate", "--template", template, "--output", output], "proto");
      assert.is(status, 0, stderr);
      const generated = await filesOf(join(folder, committed));
      assert.ok(Object.keys(generated).length > 2);
      const there = await filesOf(committed);
      assert.equal(Object.keys(generated), Object.keys(there));
      for (const [file, text] of Object.entries(generated)) assert.ok(text === there[file], file);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

proto.run();
