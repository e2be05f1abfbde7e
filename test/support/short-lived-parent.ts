/**
 * A process for tests to kill: starts a stubborn child, mounts a disk, creates a folder, and reports when it is done.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { guardFolder, spawnGuarded } from "../../tools/stack/guard.ts";
import { LimitedDisk } from "../../tools/stack/limited-disk.ts";

const folder = process.argv[2] as string;
guardFolder(folder);
await mkdir(folder, { recursive: true });
await LimitedDisk.mount(join(folder, "disk"));
const stubborn = "trap '' HUP INT TERM; (while :; do sleep 1; done) & echo started; wait; wait";
const children = [spawnGuarded("sh", ["-c", stubborn]), spawnGuarded("sh", ["-c", stubborn])];
for (const { stdout } of children) await new Promise((resolve) => stdout?.once("data", resolve));
children[1]?.kill("SIGSTOP");
process.stdout.write("ready\n");
setInterval(() => {}, 1_000);
