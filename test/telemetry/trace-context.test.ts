/** Which texts are a traceparent, by W3C Trace Context. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { traceparentIn } from "../../src/contract/headers.ts";
import { contextOf, isSampledContext, withoutSampling } from "../../src/telemetry/trace-context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const kept = (traceparent: string) => traceparentIn([["traceparent", traceparent]]);

test("a traceparent of version 00 is kept as it is", () => {
  for (const flags of ["00", "01", "03", "ff"])
    assert.is(kept(`00-${TRACE}-${SPAN}-${flags}`), `00-${TRACE}-${SPAN}-${flags}`);
});

test("a later version is read by what is known of it", () => {
  assert.is(kept(`01-${TRACE}-${SPAN}-01`), `00-${TRACE}-${SPAN}-01`);
  assert.is(kept(`cc-${TRACE}-${SPAN}-03-what-the-future-brings`), `00-${TRACE}-${SPAN}-01`);
  assert.is(kept(`fe-${TRACE}-${SPAN}-02-`), `00-${TRACE}-${SPAN}-00`);
  assert.ok(isSampledContext(contextOf(`cc-${TRACE}-${SPAN}-01-more`) as never));
  assert.is(withoutSampling(`cc-${TRACE}-${SPAN}-01-more`), `00-${TRACE}-${SPAN}-00`);
});

test("anything else is none", () => {
  for (const text of [
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `01-${"0".repeat(32)}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `01-${TRACE}-${SPAN}-01more`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    "00-1-2-01",
    "",
  ]) {
    assert.is(kept(text), undefined, text);
    assert.is(contextOf(text), undefined, text);
  }
});

test.run();
