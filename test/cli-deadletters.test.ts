/** `waybill deadletters …` in a shell, beside a running service. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type } from "arktype";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { exportToFile } from "../src/cli/deadletters-export.ts";
import { operatorType } from "../src/deadletter/repair/requests.ts";
import { COMPILED } from "../tools/stack/compiled.ts";
import { checkIf } from "./support/check-if.ts";
import { runScript } from "./support/command.ts";
import { createDatabase, environment } from "./support/database.ts";
import { errorOf } from "./support/error.ts";
import { MODEL, orderWith } from "./support/messages.ts";
import { startAsProcess } from "./support/service.ts";
import { runWaybill } from "./support/waybill.ts";

const cli = suite("waybill deadletters");
const database = await createDatabase();
const service = await startAsProcess(database.serviceUrl);

/** Only a few tests need a process; the rest runs the same program in this one. */
const environmentOfService = { DATABASE_URL: database.serviceUrl };
const waybill = (...args: string[]) => runWaybill(["deadletters", ...args], environmentOfService);
const fromShell = (...args: string[]) =>
  runScript("src/cli/main.ts", ["deadletters", ...args], { environment: environmentOfService });

/** The command's output on a terminal. */
function onTerminal(...args: string[]): string {
  const command = [process.execPath, "src/cli/main.ts", "deadletters", ...args].join(" ");
  const { stdout } = spawnSync("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    env: { PATH: process.env.PATH, ...COMPILED, ...environmentOfService },
    encoding: "utf8",
    timeout: 60_000,
  });
  return stdout;
}

async function json(...args: string[]) {
  const { status, stdout, stderr } = await waybill(...args, "--json");
  assert.is(stderr, "");
  return { status, value: JSON.parse(stdout) };
}

async function bury(payload: Buffer | string): Promise<string> {
  const response = await fetch(`${service.url}/orders`, { method: "POST", body: payload as BodyInit });
  const { position } = (await response.json()) as { position: string };
  await fetch(`${service.url}/messages/${position}?wait=10`);
  return position;
}

cli("what it prints as JSON is what the routes answer", async () => {
  const position = await bury("garbage");
  const route = async (path: string) => (await fetch(`${service.url}${path}`)).json();
  assert.equal((await json("list", "--code", "not_json")).value, await route("/deadletters?code=not_json"));
  assert.equal((await json("groups")).value, await route("/deadletters/groups"));
  assert.equal((await json("show", position)).value, await route(`/deadletters/${position}`));
  for (const [domain, count] of [
    ["orders", 1],
    ["wallet", 0],
  ] as const) {
    assert.is((await json("list", "--domain", domain)).value.deadletters.length, count);
    assert.is((await json("groups", "--domain", domain)).value.groups.length, count);
  }
});

cli("find prints what the route answers, and fails if nothing is found", async () => {
  const position = await bury(orderWith({ order_uid: "sought in a shell", locale: 7 }));
  const find = (...args: string[]) => runWaybill(["find", ...args], environmentOfService);
  const route = await fetch(`${service.url}/find?q=sought+in+a+shell`);
  const asJson = await find("sought in a shell", "--json");
  assert.equal([asJson.status, JSON.parse(asJson.stdout)], [0, await route.json()]);
  assert.match((await find("sought in a shell")).stdout, `/ui/message?position=${position}`);
  const elsewhere = await find("sought in a shell", "--domain", "wallet", "--json");
  assert.equal([elsewhere.status, JSON.parse(elsewhere.stdout).matches], [1, []]);
  const ofWallet = await fetch(`${service.url}/find?q=sought+in+a+shell&domain=wallet`);
  assert.equal(((await ofWallet.json()) as { matches: object[] }).matches, []);
  const nothing = await find("nowhere in a shell");
  assert.is(nothing.status, 1);
  assert.match(nothing.stdout, /Nothing was found for "nowhere in a shell"[\s\S]*topic\/partition\/offset/);
  const bad = await find("");
  assert.is(bad.status, 2);
  assert.match(bad.stderr, "q must be one text of 1 to 512 characters");
});

cli("a letter is edited from a file, tried, redriven, and its order can be read", async () => {
  const position = await bury(orderWith({ order_uid: "from the shell", locale: 7 }));
  const file = join(environment("WAYBILL_TEST_FOLDER"), "edited.json");
  const original = orderWith({ order_uid: "from the shell", locale: 7 }).toString();
  assert.is((await waybill("payload", position)).stdout, original);
  await writeFile(file, orderWith({ order_uid: "from the shell", locale: 8 }));
  const bad = await fromShell("redrive", position, "--payload", file, "--dry-run");
  assert.is(bad.status, 1);
  assert.match(bad.stdout, "fail again: schema");
  const refused = await waybill("redrive", position, "--payload", file, "--reason", "mend");
  assert.is(refused.status, 1);
  assert.match(refused.stderr, "would fail again");
  await writeFile(file, orderWith({ order_uid: "from the shell" }));
  assert.is((await waybill("redrive", position, "--payload", file, "--dry-run")).status, 0);
  const done = await json("redrive", position, "--payload", file, "--author", "Ann", "--reason", "mend");
  const outcome = await fetch(`${service.url}/messages/${done.value.redrive_position}?wait=10`);
  assert.is(((await outcome.json()) as { outcome: string }).outcome, "projected");
  assert.is((await fetch(`${service.url}/orders/from%20the%20shell`)).status, 200);
  const again = await waybill("redrive", position);
  assert.is(again.status, 1);
  assert.match(again.stderr, /is redriven, by Ann on/);
});

cli("many are tried and redriven; it waits until they are through", async () => {
  for (let index = 0; index < 15; index++) await bury(orderWith({ order_uid: `many ${index}`, sm_id: null }));
  const dry = await json("redrive", "--path", "/sm_id", "--dry-run");
  assert.equal([dry.status, dry.value.letters, dry.value.dead], [1, 15, 15]);
  const run = await json("redrive", "--path", "/sm_id", "--reason", "again", "--failures-max", "100");
  assert.equal([run.status, run.value.status, run.value.dead], [0, "finished", 15]);
  const stopped = await waybill("redrive", "--path", "/sm_id", "--reason", "again");
  assert.is(stopped.status, 1);
  assert.match(stopped.stdout, /stopped: 1 of 15 redriven/);
  const list = await waybill("redrives");
  assert.match(list.stdout, /stopped +1 of 15/);
});

cli("many are repaired by steps: previewed, tried, and run with --yes", async () => {
  const buried = ["12", "13", "12,50"].map((amount, index) =>
    orderWith({ order_uid: `repaired ${index}`, payment: { ...MODEL.payment, amount }, entry: "" }),
  );
  for (const payload of buried) await bury(payload);
  const letters = ["transform", "--path", "/payment/amount"];
  const steps = ["--set", "/entry=WBIL", "--cast", "/payment/amount=number", "--rename", "/entry=entrance"];
  const file = join(environment("WAYBILL_TEST_FOLDER"), "steps.json");
  await writeFile(file, '[{"op":"rename","path":"/entrance","to":"entry"}]');

  const preview = await waybill(...letters, ...steps, "--preview");
  assert.match(preview.stdout, /cannot be applied: \/payment\/amount: a number, .*"12,50"/);
  assert.match(preview.stdout, /would fail again \(schema\): \/entry/);
  assert.match(preview.stdout, /\+ +"entrance": "WBIL",/);
  const dry = await waybill(...letters, ...steps.slice(0, 4));
  assert.is(dry.status, 1);
  assert.match(
    dry.stdout,
    "3 dead letters: 2 would be processed, 0 duplicates, 0 conflicts, 0 would fail again.",
  );
  assert.match(dry.stdout, /stay open:\n.*\norders +2 +1 +\d+ +\/payment\/amount/);
  const run = await json(
    ...letters,
    ...steps,
    "--remove",
    "/none",
    "--jsonata",
    "$merge([$sift($, function($v, $k){$k != 'entrance'}), {'entry': entrance}])",
    "--yes",
    "--reason",
    "amounts are numbers",
  );
  assert.equal(
    [run.status, run.value.status, run.value.projected, run.value.left_open],
    [1, "finished", 2, 1],
  );
  assert.equal(
    run.value.steps.map(({ op }: { op: string }) => op),
    ["set", "cast", "rename", "remove", "jsonata"],
  );
  const order = (await (await fetch(`${service.url}/orders/repaired%200`)).json()) as {
    entry: string;
    payment: object;
  };
  assert.equal([order.entry, order.payment], ["WBIL", { ...MODEL.payment, amount: 12 }]);
  assert.match((await waybill("redrives", run.value.id)).stdout, /2 of 3 redriven, 0 skipped, 1 left open/);
  const fromFile = await waybill(...letters, "--file", file, "--dry-run");
  assert.match(fromFile.stdout, "1 are not changed by the steps and stay open");
});

cli("discard and restore need a reason, and say what they did", async () => {
  const position = await bury("nobody needs this");
  const unreasoned = await waybill("discard", position);
  assert.is(unreasoned.status, 2);
  assert.match(unreasoned.stderr, "--reason is required");
  assert.match(
    (await waybill("discard", position, "--reason", "no use")).stdout,
    `Done: position ${position} is discarded.`,
  );
  assert.is((await waybill("discard", position, "--reason", "no use")).status, 1);
  assert.match((await waybill("restore", position, "--reason", "use")).stdout, "is open");
});

cli("all that match are discarded and reopened, once --yes confirms it", async () => {
  const positions = [await bury("one of them"), await bury("two of them"), await bury("three of them")];
  const counted = await waybill("discard", "--q", "of them", "--reason", "no use");
  assert.is(counted.status, 2);
  assert.match(counted.stderr, "3 dead letters match; add --yes to discard them");
  const done = await json("discard", "--q", "of them", "--reason", "no use", "--yes");
  assert.equal([done.status, done.value.status, done.value.decided], [0, "finished", 3]);
  const [first = "", second = ""] = positions;
  const restored = await waybill("restore", "--positions", `${first},${second}`, "--reason", "use", "--yes");
  assert.match(restored.stdout, /bulk restore \d+ finished: 2 of 2 reopened, 0 skipped/);
  assert.match(
    (await waybill("decisions")).stdout,
    /restore +finished +2 of 2.*\n.*discard +finished +3 of 3/,
  );
  assert.match((await waybill("list", "--q", "of them", "--state", "open")).stdout, first);
  assert.is((await waybill("discard", "--all", "--state", "discarded", "--reason", "x", "--yes")).status, 2);
});

cli("an export is a file that appears when it is complete", async () => {
  const position = await bury(orderWith({ order_uid: "exported", locale: [] }));
  const folder = await mkdtemp(join(environment("WAYBILL_TEST_FOLDER"), "export-"));
  const file = join(folder, "letters.csv");
  const args = ["export", "--format", "csv", "--positions", position];
  const { status, stdout } = await waybill(...args, "--output", file);
  assert.equal([status, stdout], [0, `Exported 1 dead letters to ${file}.\n`]);
  assert.equal(await readdir(folder), ["letters.csv"]);
  assert.is(await readFile(file, "utf8"), (await waybill(...args)).stdout);
  assert.not.match(await readFile(file, "utf8"), "+9720000000");
  assert.is((await waybill(...args, "--reveal")).status, 2);
  assert.match((await waybill(...args, "--reveal", "--reason", "to compare")).stdout, "+9720000000");
  assert.match((await waybill("show", position)).stdout, /reveal +to compare/);

  // Interrupted between two parts: what was there before is still there, and nothing else.
  const stopping = new AbortController();
  const parts = (async function* () {
    yield { text: "first", letters: 1 };
    stopping.abort(new Error("interrupted"));
    yield { text: "second", letters: 2 };
  })();
  const interrupted = await errorOf(exportToFile(parts, file, stopping.signal, () => {}));
  assert.is(interrupted.message, "interrupted");
  assert.equal(await readdir(folder), ["letters.csv"]);
  assert.match(await readFile(file, "utf8"), /^position,domain/);
});

cli("the terminal shows control sequences of a message and never obeys them", async () => {
  const hostile = '\u001b]0;pwned\u0007\u001b[2J\u009b31m\u202egnp.exe\u2066 {"name":"Ann", "a":\r\n"';
  const position = await bury(Buffer.from(hostile));
  const listed = await bury(orderWith({ locale: ["\u001b[31m", "\u202e"], sm_id: "\u001b[31m\u009b\u202e" }));
  const steering = /[^\P{Cc}\n]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
  for (const args of [
    ["show", position],
    ["show", position, "--reveal", "--reason", "to see"],
    ["show", position, "--json"],
    ["show", listed],
    ["show", listed, "--json"],
    ["list"],
    ["list", "--json"],
  ]) {
    const { stdout } = await waybill(...args);
    assert.ok(stdout.length > 100);
    assert.not.match(stdout, steering, args.join(" "));
  }
  assert.match((await waybill("show", position)).stdout, "\\u001b[2J");
  const binary = await bury(Buffer.from([0xff, 0x1b, 0x5b, 0x41]));
  assert.match((await waybill("show", binary)).stdout, "00000000  ff 1b 5b 41");
});

checkIf(spawnSync("script", ["--version"]).status === 0, cli)(
  "a payload reaches a pipe as it is, and a terminal escaped unless --raw asks for it",
  async () => {
    const hostile = Buffer.from("\u001b]52;c;cHduZWQ=\u0007 \u202e\u3164\ufe0f\u{e0041}\r\nend");
    const position = await bury(hostile);
    assert.is((await fromShell("payload", position)).stdout, hostile.toString());
    const shown = onTerminal("payload", position);
    assert.match(shown, "\\u001b]52;c;cHduZWQ=\\u0007 \\u202e\\u3164\\ufe0f\\udb40\\udc41\r\nend");
    assert.not.match(shown, /[^\P{Cc}\r\n]/u);
    assert.match(onTerminal("payload", position, "--raw"), "\u001b]52;c;cHduZWQ=\u0007");
    const binary = await bury(Buffer.from([0xff, 0x1b, 0x5b, 0x41]));
    assert.match(onTerminal("payload", binary), "00000000  ff 1b 5b 41");
  },
);

cli("an author and a reason show something", async () => {
  const position = await bury("who decides");
  const blanks = [
    "\u3164",
    "\uffa0\u1160\u115f",
    "\ufe0f\ufe0f",
    "\u{e0100}",
    "\u{e0041}",
    "\u2800",
    "\u0301",
    " \u00a0",
  ];
  for (const blank of blanks) {
    assert.instance(operatorType({ author: blank }), type.errors, JSON.stringify(blank));
    assert.instance(operatorType({ reason: blank }), type.errors, JSON.stringify(blank));
  }
  for (const option of ["--author", "--reason"]) {
    const { status, stderr } = await waybill("payload", position, option, "\u3164");
    assert.is(status, 2);
    assert.match(stderr, "visible characters");
  }
  for (const author of ["안나", "Ann ❤\ufe0f", "Zoe\u0308", "李"])
    assert.equal(operatorType({ author }), { author });
  assert.is((await waybill("payload", position, "--author", "안나")).status, 0);
});

cli("personal values are masked until they are asked for", async () => {
  const position = await bury(orderWith({ locale: 5 }));
  assert.not.match((await waybill("show", position)).stdout, "+9720000000");
  const shown = await waybill("show", position, "--reveal", "--author", "Ann");
  assert.match(shown.stdout, "+9720000000");
  assert.match(shown.stdout, /Ann +reveal/);
});

cli("bad usage is explained, with status 2", async () => {
  const bad: [string[], RegExp][] = [
    [[], /a command is required/],
    [["lst"], /unknown command 'lst'\n\(Did you mean list\?\)/],
    [["show"], /missing required argument 'position'/],
    [["show", "x"], /'position'.*a whole number from 1 to 9223372036854775807/],
    [["show", "1", "2"], /unexpected argument "2"/],
    [["show", "1", "--limit", "2"], /unknown option '--limit'/],
    [["list", "--code", "%"], /--code.*Allowed choices are empty/],
    [["list", "--domain", "oders"], /one of orders.*\n\(Did you mean orders\?\)/],
    [["groups", "--domain", "wall"], /one of orders/],
    [["list", "--since", "yesterday"], /since must be/],
    [["list", "--limit", "0"], /--limit.*a whole number from 1 to 500/],
    [["list", "--before", "9223372036854775808"], /--before.*a whole number/],
    [["list", "--before", "99999999"], /before must be/],
    [["redrive"], /needs exactly one of a position, a filter and --all/],
    [["redrive", "1", "--all"], /needs exactly one of/],
    [["redrive", "--all", "--payload", "x"], /--payload needs a position/],
    [["redrive", "--all"], /--reason is required/],
    [["transform", "--all"], /transform needs a step: --set, /],
    [["transform", "--remove", "/a"], /needs exactly one of/],
    [["transform", "--all", "--remove", "a"], /steps\.0\.path must be a JSON pointer/],
    [["transform", "--all", "--set", "/a"], /--set.*It must be a path and a value/],
    [["transform", "--all", "--cast", "/a=date"], /steps\.0\.to must be /],
    [["transform", "--all", "--jsonata", "{"], /steps\.0\.expression must be a JSONata expression/],
    [["transform", "--all", "--remove", "/a", "--yes", "--preview"], /exclude each other/],
    [["transform", "--all", "--remove", "/a", "--yes"], /--reason is required/],
    [["transform", "--all", "--file", "package.json"], /must be a JSON list of steps/],
    [["discard", "1", "--reason", "\u001b"], /--reason.*It must be one line/],
  ];
  for (const [args, problem] of bad) {
    const { status, stderr } = await waybill(...args);
    assert.is(status, 2, args.join(" "));
    assert.match(stderr, problem);
    assert.match(stderr, "Usage: npm run waybill -- deadletters");
    assert.not.match(stderr, /^\s+at /m);
  }
  const refused = await fromShell("redrive");
  assert.is(refused.status, 2);
  assert.match(refused.stderr, "Usage: npm run waybill -- deadletters");
  const help = await fromShell("--help");
  assert.is(help.status, 0);
  assert.match(help.stdout, "Usage: npm run waybill -- deadletters");
});

cli.after(async () => {
  await service.child.end("SIGTERM");
  await database[Symbol.asyncDispose]();
});
cli.run();
