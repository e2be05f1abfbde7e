/** The compose file is valid; where no program is there that can tell, this is skipped and says so. */
import { spawnSync } from "node:child_process";
import { access, readFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkIf } from "./support/check-if.ts";

const compose = suite("compose");
const hasProgram = spawnSync("docker-compose", ["--version"]).status === 0;
const secrets = [
  "POSTGRES_PASSWORD",
  "WAYBILL_OWNER_PASSWORD",
  "WAYBILL_PASSWORD",
  "ADMIN_TOKEN",
  "INGRESS_TOKEN",
];
const PROFILES = ["--profile", "kafka", "--profile", "jetstream"];
const config = (environment: Record<string, string>) =>
  spawnSync("docker-compose", ["-f", "docker-compose.yml", ...PROFILES, "config"], {
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...environment },
    encoding: "utf8",
  });

const check = checkIf(hasProgram, compose);

check("docker-compose.yml is valid and publishes its ports on loopback only", () => {
  const { status, stdout, stderr } = config(
    Object.fromEntries(secrets.map((name) => [name, "x".repeat(20)])),
  );
  assert.is(status, 0, stderr);
  const published = [...stdout.matchAll(/^\s+- (\S+):\d+:\d+(\/tcp)?$|host_ip: (\S+)/gm)];
  assert.ok(published.length >= 8, stdout);
  for (const match of published) assert.is(match[1] ?? match[3], "127.0.0.1");
});

check("every image is pinned, everything has a limit, and what it mounts is there", async () => {
  const text = await readFile("docker-compose.yml", "utf8");
  const images = [...text.matchAll(/image: (\S+)/g)].map(([, image]) => image ?? "");
  assert.is(images.length, 7);
  for (const image of images) assert.match(image, /:v?\d+(\.\d+)*$/);
  // All but the one that migrates and ends.
  assert.is(text.match(/mem_limit:/g)?.length, images.length + 1);
  for (const [, path] of text.matchAll(/- \.\/(\S+?):/g)) await access(path as string);
});

check("without its secrets it refuses and names the first that is missing", () => {
  const { status, stderr } = config({});
  assert.is.not(status, 0);
  assert.match(stderr, /set \w+ in .env/);
});

compose.run();
