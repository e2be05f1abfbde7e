/** The compose file is valid; where no program is there that can tell, this is skipped and says so. */
import { spawnSync } from "node:child_process";
import { access, readFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkIf } from "./support/check-if.ts";

const compose = suite("compose");
const hasProgram = spawnSync("docker-compose", ["--version"]).status === 0;
const SECRETS = Object.fromEntries(
  ["POSTGRES_PASSWORD", "WAYBILL_OWNER_PASSWORD", "WAYBILL_PASSWORD", "ADMIN_TOKEN", "INGRESS_TOKEN"].map(
    (name) => [name, "x".repeat(20)],
  ),
);
const PROFILES = ["kafka", "jetstream", "marketplace"].flatMap((name) => ["--profile", name]);
const config = (environment: Record<string, string>) =>
  spawnSync("docker-compose", ["-f", "docker-compose.yml", ...PROFILES, "config"], {
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...environment },
    encoding: "utf8",
  });

const check = checkIf(hasProgram, compose);

check("docker-compose.yml is valid and publishes its ports on loopback only", () => {
  const { status, stdout, stderr } = config(SECRETS);
  assert.is(status, 0, stderr);
  const published = [...stdout.matchAll(/^\s+- (\S+):\d+:\d+(\/tcp)?$|host_ip: (\S+)/gm)];
  assert.ok(published.length >= 8, stdout);
  for (const match of published) assert.is(match[1] ?? match[3], "127.0.0.1");
});

check("every image is pinned, everything has a limit, and what it mounts is there", async () => {
  const text = await readFile("docker-compose.yml", "utf8");
  const images = [...text.matchAll(/image: (\S+)/g)].map(([, image]) => image ?? "");
  assert.is(images.length, 9);
  for (const image of images) assert.match(image, /:v?\d+(\.\d+)*$/);
  for (const [, mounted, built] of text.matchAll(/- \.\/(\S+?):|dockerfile: (\S+)/g))
    await access((mounted ?? built) as string);
  const { stdout } = config(SECRETS);
  const [, services = ""] = /^services:\n([\s\S]*?)^\S/m.exec(stdout) ?? [];
  const unlimited = services
    .split(/^ {2}(?=\S)/m)
    .filter((service) => service && !/mem_limit:/.test(service));
  // What migrates ends by itself.
  assert.equal(
    unlimited.map((service) => service.split(":")[0]),
    ["marketplace-migrate", "migrate"],
  );
});

check("without its secrets it refuses and names the first that is missing", () => {
  const { status, stderr } = config({});
  assert.is.not(status, 0);
  assert.match(stderr, /set \w+ in .env/);
});

compose.run();
