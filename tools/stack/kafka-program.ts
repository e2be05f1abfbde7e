/**
 * Finds Kafka: KAFKA_BROKERS (running), KAFKA_HOME, Java with `org.apache.kafka:kafka_2.13` (fetched once by Maven),
 * or the Docker image `apache/kafka`.
 */
import { existsSync } from "node:fs";
import { cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildOnce } from "./build-once.ts";
import { startChild, waitUntilReady } from "./child.ts";
import { runs } from "./go-program.ts";
import { runGuarded } from "./guard.ts";
import { freePort, isOpen } from "./ports.ts";

export type KafkaProgram = Readonly<
  | { kind: "java"; classPath: string; prepared?: Prepared | undefined }
  | { kind: "docker" }
  | { kind: "running"; address: string }
>;

/** Makes starts four times as fast. */
type Prepared = Readonly<{
  /** Formatted log folder without SCRAM users. */
  log: string;
  /** Java flags for a shared archive of classes. */
  flags: readonly string[];
}>;

/** @returns undefined if it is not available. */
export async function findProgram(say: (text: string) => void): Promise<KafkaProgram | undefined> {
  const { KAFKA_BROKERS: running, KAFKA_HOME: home } = process.env;
  if (running) return { kind: "running", address: running };
  if (home && existsSync(join(home, "libs"))) return { kind: "java", classPath: join(home, "libs", "*") };
  const jars = join(TOOLS_FOLDER, `kafka-${KAFKA_VERSION}`);
  if (runs("java", ["-version"]) && (await hasJars(jars, say))) {
    const classPath = join(jars, "*");
    return { kind: "java", classPath, prepared: await prepareOnce(`${jars}.prepared`, classPath, say) };
  }
  return runs("docker", ["info"]) ? { kind: "docker" } : undefined;
}

/** @returns undefined if this Java cannot do it. */
async function prepareOnce(
  folder: string,
  classPath: string,
  say: (text: string) => void,
): Promise<Prepared | undefined> {
  const isThere = () => existsSync(folder);
  const building = {
    what: `preparing Kafka ${KAFKA_VERSION} for quick starts, once (a few seconds)`,
    target: folder,
    isThere,
    build: () => prepare(folder, classPath),
  };
  if (!isThere() && !(await buildOnce(building, say).catch(() => false))) return undefined;
  return {
    log: join(folder, "log"),
    // `auto` ignores another Java's archive.
    flags: [`-XX:SharedArchiveFile=${join(folder, ARCHIVE)}`, "-Xshare:auto"],
  };
}

/** Java writes the archive when the broker ends. */
async function prepare(folder: string, classPath: string): Promise<boolean> {
  const workFolder = `${folder}.part-${process.pid}`;
  const [used, result] = [join(workFolder, "used"), join(workFolder, "result")];
  await mkdir(result, { recursive: true });
  try {
    const [clients, controller] = [await freePort(), await freePort()];
    const file = join(workFolder, "server.properties");
    await writeFile(file, leastProperties(clients, controller, used));
    const format = ["kafka.tools.StorageTool", "format", "-t", KAFKA_CLUSTER_ID, "-c", file];
    const formatted = await runGuarded("java", [...BRIEF, "-cp", classPath, ...format]);
    if (formatted.status !== 0) return false;
    await cp(used, join(result, "log"), { recursive: true });
    const archiving = `-XX:ArchiveClassesAtExit=${join(result, ARCHIVE)}`;
    const logFile = join(workFolder, "kafka.log");
    const broker = startChild("java", [...BRIEF, archiving, "-cp", classPath, "kafka.Kafka", file], {
      logFile,
    });
    await waitUntilReady(broker, `Kafka (see ${logFile})`, () => isOpen(clients));
    await broker.end("SIGTERM");
    if (!existsSync(join(result, ARCHIVE))) return false;
    await rename(result, folder);
    return true;
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

function leastProperties(clients: number, controller: number, log: string): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${clients},CONTROLLER://127.0.0.1:${controller}
controller.listener.names=CONTROLLER
log.dirs=${log}
`;
}

async function hasJars(folder: string, say: (text: string) => void): Promise<boolean> {
  const isThere = () => existsSync(folder);
  if (isThere()) return true;
  if (!runs("mvn", ["--version"])) return false;
  const what = `fetching Kafka ${KAFKA_VERSION} with Maven, once (about 40 MB)`;
  return await buildOnce({ what, target: folder, isThere, build: () => fetchJars(folder, say) }, say);
}

async function fetchJars(folder: string, say: (text: string) => void): Promise<boolean> {
  const workFolder = `${folder}.part-${process.pid}`;
  const jars = join(workFolder, "jars");
  await mkdir(workFolder, { recursive: true });
  const dependency = (group: string, artifact: string, version: string) =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  await writeFile(
    join(workFolder, "pom.xml"),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>waybill</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging><dependencies>
${dependency("org.apache.kafka", "kafka_2.13", KAFKA_VERSION)}
${dependency("org.slf4j", "slf4j-simple", SLF4J_VERSION)}
</dependencies></project>\n`,
  );
  try {
    const goals = ["dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${jars}`];
    const { status, stdout } = await runGuarded("mvn", [
      "-q",
      "-B",
      "-f",
      join(workFolder, "pom.xml"),
      ...goals,
    ]);
    if (status === 0) await rename(jars, folder);
    else say(`Maven failed: ${stdout.trim().split("\n").at(0)}`);
    return status === 0;
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

export const KAFKA_VERSION = "4.1.1";
/** Any 16 bytes in base64url. */
export const KAFKA_CLUSTER_ID = "d2F5YmlsbC1zdGFjay0wMQ";
/** Short-lived: compile little. */
export const BRIEF = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
const SLF4J_VERSION = "1.7.36";
const ARCHIVE = "classes.jsa";
const TOOLS_FOLDER =
  process.env.WAYBILL_TOOLS_FOLDER || fileURLToPath(new URL("../../.tools/bin", import.meta.url));
