import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { runInNewContext } from "node:vm";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { orders } from "../src/domains/orders/index.ts";
import { COMMAND_FILES, commandsDocument, WAYBILL_COMMANDS, WAYBILL_FILE } from "../tools/docs/commands.ts";
import { type Ended, runScript } from "./support/command.ts";
import { createDatabase } from "./support/database.ts";
import { appendAll, projectAll } from "./support/engine.ts";
import { messageOf, orderWith } from "./support/messages.ts";
import { runHere, runWaybill } from "./support/waybill.ts";

const cli = suite("commands");
const run = (script: string, args: string[], environment: Record<string, string> = {}) =>
  runScript(script, args, { environment });

/** Every command of package.json, and every command below `waybill`. */
const COMMANDS: readonly (readonly [script: string, ...words: string[]])[] = COMMAND_FILES.flatMap((file) =>
  file === WAYBILL_FILE ? [[file], ...WAYBILL_COMMANDS.map((words) => [file, ...words] as const)] : [[file]],
);

/** These run as processes, which cost most; their module alone may start nothing, as that of the service. */
const AS_PROCESSES = ["src/main.ts", WAYBILL_FILE, "tools/publisher/main.ts"];

async function eachCommand(check: (shown: string, ask: (option: string) => Promise<Ended>) => Promise<void>) {
  for (const [script, ...words] of COMMANDS) {
    const runScriptOnce = AS_PROCESSES.includes(script) ? run : runHere;
    const ask = (option: string) =>
      words.length === 0 ? runScriptOnce(script, [option]) : runWaybill([...words, option]);
    await check([script, ...words].join(" "), ask);
  }
}

cli("every command explains itself with --help, and docs/commands.md shows just that", async () => {
  const helps: string[] = [];
  await eachCommand(async (shown, ask) => {
    const { status, stdout, stderr } = await ask("--help");
    assert.is(status, 0, `${shown}: ${stderr}`);
    assert.match(stdout, /^Usage: npm (run )?[a-z]+ -- /, shown);
    assert.match(stdout, "--help", shown);
    assert.is(stderr, "", shown);
    helps.push(stdout);
  });
  assert.ok(helps.length > 30);
  assert.is(readFileSync("docs/commands.md", "utf8"), commandsDocument(helps), "run npm run docs");
});

cli("every command refuses an unknown option in one message without a stack, with status 2", () =>
  eachCommand(async (shown, ask) => {
    const { status, stdout, stderr } = await ask("--no-such-option");
    assert.is(status, 2, shown);
    const message =
      /^[a-z]+: (unknown option '--no-such-option'|required option '--reason <text>' not specified)\nUsage: npm (run )?[a-z]+ -- /;
    assert.match(stderr, message, shown);
    assert.not.match(stderr, /^\s+at /m, shown);
    assert.is(stdout, "", shown);
  }),
);

cli("a command of a domain runs with the settings of that domain, and checks its values", async () => {
  const settings = { WALLET_JWT_SECRET: "a secret of the tests, 32 bytes and more", WALLET_JWT_ISSUER: "us" };
  const { status, stdout } = await runWaybill(["token", "ann", "--minutes", "5"], settings);
  const claims = JSON.parse(Buffer.from(stdout.split(".")[1] ?? "", "base64url").toString());
  assert.equal([status, claims.sub, claims.iss, claims.exp - claims.iat], [0, "ann", "us", 300]);
  const byDefault = await runWaybill(["token", "ann"], settings);
  const { exp, iat } = JSON.parse(Buffer.from(byDefault.stdout.split(".")[1] ?? "", "base64url").toString());
  assert.is(exp - iat, 3600);
  for (const args of [["external"], ["ann", "--minutes", "0"], []])
    assert.is((await runWaybill(["token", ...args], settings)).status, 2, args.join(" "));
  const { stderr } = await runWaybill(["token", "ann"], { WALLET_JWT_SECRET: "short" });
  assert.match(stderr, "WALLET_JWT_SECRET must be at least 32 bytes");
  assert.not.match(stderr, "DATABASE_URL");
});

cli("--version prints the version of the package", async () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  for (const args of [["--version"], ["audit", "--version"], ["-V"]])
    assert.is((await runWaybill(args)).stdout, `${version}\n`, args.join(" "));
  assert.is((await run("src/cli/main.ts", ["--version"])).stdout, `${version}\n`);
});

cli("every program that package.json starts is a command", () => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));
  const files = Object.values<string>(scripts).flatMap((script) => /\S+\.ts\b/.exec(script) ?? []);
  assert.equal(
    files.filter((file) => !COMMAND_FILES.includes(file)),
    [],
  );
});

cli("an old Node is refused with the version that is needed, and a new one is not", () => {
  const source = readFileSync("src/node-version.cjs", "utf8");
  // One Node runs the file for all versions, because only `process` tells them apart.
  const statusOn = (node: string) => {
    let status: number | undefined;
    let said = "";
    runInNewContext(source, {
      require: createRequire(new URL("../src/node-version.cjs", import.meta.url)),
      process: {
        versions: { node },
        stderr: { write: (text: string) => (said += text) },
        exit: (code: number) => (status = code),
      },
    });
    return { status, said };
  };
  for (const node of ["18.20.0", "20.20.2", "22.22.0", "24.5.9"]) {
    const { status, said } = statusOn(node);
    assert.is(status, 2, node);
    assert.match(said, `this is Node ${node}, and Node 24.6 or newer is needed`);
  }
  for (const node of ["24.6.0", "24.21.0", "26.0.0"])
    assert.equal(statusOn(node), { status: undefined, said: "" });
});

cli("every npm script of the service refuses an old Node", () => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));
  for (const name of ["start", "waybill"])
    assert.match(scripts[name], /^exec node --require \.\/src\/node-version\.cjs /);
});

cli("waybill with no or an unknown command ends with 2, and names the nearest", async () => {
  const refusals: [string[], RegExp][] = [
    [[], /a command is required/],
    [["frobnicate"], /unknown command 'frobnicate'/],
    [["constructor"], /unknown command 'constructor'/],
    [["adit"], /unknown command 'adit'\n\(Did you mean audit\?\)/],
    [["audit", "orders"], /unexpected argument "orders"/],
    [["audit", "--ful"], /unknown option '--ful'\n\(Did you mean --full\?\)/],
    [["audit", "--domain", "ordesr"], /one of orders.*\n\(Did you mean orders\?\)/],
    [["rebuild"], /missing required argument 'domain'/],
    [["rebuild", "oders"], /\(Did you mean orders\?\)/],
    [["deadletters", "list", "--state", "opne"], /\(Did you mean open\?\)/],
    [["completion", "bsah"], /\(Did you mean bash\?\)/],
  ];
  for (const [args, problem] of refusals) {
    const { status, stderr } = await runWaybill(args);
    assert.is(status, 2, args.join(" "));
    assert.match(stderr, problem);
  }
});

cli("a number out of its range is refused with the range", async () => {
  const refusals: [script: string, option: string, value: string, range: string][] = [
    ["tools/stack/demo.ts", "--port", "99999", "a whole number from 0 to 65535"],
    ["tools/stack/demo.ts", "--port", "1e3", "a whole number from 0 to 65535"],
    ["tools/stack/demo.ts", "--garbage", "1.5", "a number from 0 to 1"],
    ["tools/torture/main.ts", "--services", "0", "a whole number from 1 to 5"],
    ["tools/torture/fuzz.ts", "--count", "x", "a whole number from 1 to 9007199254740991"],
    ["bench/main.ts", "--rows", "10", "a whole number from 10000 to 1000000000"],
    ["bench/vegeta/attack.ts", "--rate", "0", "a whole number from 1 to 1000000"],
  ];
  for (const [script, option, value, range] of refusals) {
    const { status, stderr } = await runHere(script, [option, value]);
    assert.is(status, 2, `${script} ${option} ${value}`);
    assert.match(stderr, `argument '${value}' is invalid. It must be ${range}.`);
  }
});

cli("an error message that quotes an argument cannot steer the terminal", async () => {
  const { status, stderr } = await runWaybill(["\u001b]0;pwned\u0007"]);
  assert.is(status, 2);
  assert.match(stderr, "\\u001b]0;pwned\\u0007");
  assert.not.match(stderr, /[^\P{Cc}\n]/u);
});

cli("publisher refuses numbers that make no sense", async () => {
  for (const args of [
    ["--count", "x"],
    ["--garbage", "1.5"],
    ["--garbage", "0.6", "--duplicates", "0.6"],
    ["--rate", "-1"],
    ["--verify", "nowhere"],
    ["--to", "rabbit"],
    ["--file", "a", "--stdin"],
    ["--lines"],
  ]) {
    const { status, stderr } = await runHere("tools/publisher/main.ts", args);
    assert.is(status, 2, args.join(" "));
    assert.not.match(stderr, /^\s+at /m);
  }
});

cli("publisher reports an unreachable broker, and ends with 1", async () => {
  const { status, stderr } = await run("tools/publisher/main.ts", ["--count", "1"], {
    NATS_URL: "nats://127.0.0.1:1",
  });
  assert.is(status, 1);
  assert.match(stderr, "127.0.0.1:1");
});

cli("audit exits 0 if conservation holds, otherwise 1 with the positions", async () => {
  await using database = await createDatabase();
  const environment = { DATABASE_URL: database.serviceUrl };
  const { receipts } = await appendAll(database, [
    messageOf(orderWith({})),
    messageOf("garbage"),
    messageOf(orderWith({})),
  ]);
  await projectAll(database, orders);
  const good = await run("src/cli/main.ts", ["audit"], environment);
  assert.is(good.status, 0, good.stderr);
  assert.match(good.stdout, "received 3 = projected 1 + duplicate 1 + dead 1 + pending 0");

  const chosen = await runWaybill(["audit", "--domain", "wallet, wallet", "--json"], environment);
  assert.is(chosen.status, 0, chosen.stderr);
  assert.equal(Object.keys(JSON.parse(chosen.stdout).domains), ["wallet"]);

  await database.admin("delete from dead_letters");
  const known = await runWaybill(["audit"], environment);
  assert.match(known.stdout, "read from position 4; everything was read on 20");
  const bad = await run("src/cli/main.ts", ["audit", "--full", "--json"], environment);
  assert.is(bad.status, 1);
  const report = JSON.parse(bad.stdout);
  assert.is(report.holds, false);
  assert.equal(report.domains.orders.discrepancies, [Number(receipts[1]?.position)]);
});

cli("audit and migrate report an unreachable database without a stack or a password", async () => {
  for (const command of ["audit", "migrate"]) {
    const { status, stderr } = await run("src/cli/main.ts", [command], {
      DATABASE_URL: "postgres://u:secret@127.0.0.1:1/x",
    });
    assert.is(status, 1, command);
    assert.match(stderr, "ECONNREFUSED");
    assert.not.match(stderr, /secret|^\s+at /m);
  }
});

cli.run();
