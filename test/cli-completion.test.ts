/** Completion as a shell runs it. */
import { spawnSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { WAYBILL_COMMANDS } from "../tools/docs/commands.ts";
import { checkIf } from "./support/check-if.ts";
import { runWaybill } from "./support/waybill.ts";

const cli = suite("completion");

const scriptFor = async (shell: string) => (await runWaybill(["completion", shell])).stdout;
const hasShell = (shell: string) => spawnSync(shell, ["-c", "exit 0"]).status === 0;

/** The suggestions of bash for the last word. */
async function completed(...words: string[]): Promise<string[]> {
  const ask = `
COMP_WORDS=(waybill ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}
_waybill; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", (await scriptFor("bash")) + ask], {
    encoding: "utf8",
  });
  assert.is(stderr, "");
  return stdout.split("\n").filter((line) => line !== "");
}

cli("bash completes commands, options, choices of options, and choices of arguments", async () => {
  assert.equal(await completed("de"), ["deadletters"]);
  assert.ok((await completed("")).includes("completion"));
  assert.equal(await completed("deadletters", "redr"), ["redrive", "redrives"]);
  assert.equal(await completed("deadletters", "redrive", "--pay"), ["--payload"]);
  assert.equal(await completed("deadletters", "list", "--state", "o"), ["open"]);
  assert.equal(await completed("deadletters", "list", "--state", "open", "--c"), ["--code", "--channel"]);
  assert.equal(await completed("rebuild", "ord"), ["orders"]);
  assert.equal(await completed("completion", ""), ["bash", "zsh", "fish", "--help"]);
  // The shell itself completes paths.
  assert.equal(await completed("deadletters", "redrive", "--payload", ""), []);
});

cli("bash runs the program that it completes, in the working directory of the shell", async () => {
  const script = `${await scriptFor("bash")}\ncd /; waybill --version`;
  const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", script], { encoding: "utf8" });
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/, stderr);
});

cli("fish and zsh complete every command", async () => {
  const [fish, zsh] = [await scriptFor("fish"), await scriptFor("zsh")];
  assert.match(zsh, /bashcompinit\n.*\n_waybill\(\) \{/);
  for (const words of WAYBILL_COMMANDS) {
    const rule = new RegExp(`^complete -c waybill .*-a ${words.at(-1)} -d '`, "m");
    assert.match(fish, rule, words.join(" "));
    assert.match(zsh, `'${words.join(" ")}'`);
  }
});

checkIf(hasShell("fish"), cli)("fish completes with the script", async () => {
  const ask = (line: string) => `complete -C '${line}' | string split -f1 \\t`;
  const script = `${await scriptFor("fish")}\n${ask("waybill deadletters redr")}\n${ask("waybill rebuild ord")}`;
  const { stdout, stderr } = spawnSync("fish", ["--no-config", "-c", script], { encoding: "utf8" });
  assert.equal([stdout, stderr], ["redrive\nredrives\norders\n", ""]);
});

checkIf(hasShell("zsh"), cli)("zsh completes with the script", async () => {
  const script = `autoload -Uz compinit && compinit -u -D\n${await scriptFor("zsh")}
emulate sh -c 'setopt kshglob; COMP_WORDS=(waybill deadletters redr); COMP_CWORD=2; _waybill; echo "\${COMPREPLY[@]}"'`;
  const { stdout, stderr } = spawnSync("zsh", ["-f", "-c", script], { encoding: "utf8" });
  // zsh itself filters by the typed word.
  assert.equal([/ redrive redrives /.test(stdout), stderr], [true, ""]);
});

cli.run();
