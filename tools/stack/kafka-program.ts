/**
 * The program of a Kafka broker. It is looked for in this order: the folder in KAFKA_HOME, Java with the jars of
 * `org.apache.kafka:kafka_2.13` (Maven fetches them once, into the project's `.tools`), the `apache/kafka` image of Docker.
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

/** What makes a start take a quarter of the time. */
type Prepared = Readonly<{
  /** The folder of a log as the first node finds it that has no users. */
  log: string;
  /** Flags for Java: they name the classes of the broker in the form in which Java keeps them in memory. */
  flags: readonly string[];
}>;

/** @returns undefined if none can be had. */
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

/** @returns undefined if this Java cannot do it: then a start takes its time. */
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
    // An archive that another Java made is left aside.
    flags: [`-XX:SharedArchiveFile=${join(folder, ARCHIVE)}`, "-Xshare:auto"],
  };
}

/** Formats a log and starts a broker on a copy of it; Java writes the archive when the broker ends. */
async function prepare(folder: string, classPath: string): Promise<boolean> {
  const around = `${folder}.part-${process.pid}`;
  const [used, result] = [join(around, "used"), join(around, "result")];
  await mkdir(result, { recursive: true });
  try {
    const [clients, controller] = [await freePort(), await freePort()];
    const file = join(around, "server.properties");
    await writeFile(file, leastProperties(clients, controller, used));
    const format = ["kafka.tools.StorageTool", "format", "-t", KAFKA_CLUSTER_ID, "-c", file];
    const formatted = await runGuarded("java", [...BRIEF, "-cp", classPath, ...format]);
    if (formatted.status !== 0) return false;
    await cp(used, join(result, "log"), { recursive: true });
    const archiving = `-XX:ArchiveClassesAtExit=${join(result, ARCHIVE)}`;
    const logFile = join(around, "kafka.log");
    const broker = startChild("java", [...BRIEF, archiving, "-cp", classPath, "kafka.Kafka", file], {
      logFile,
    });
    await waitUntilReady(broker, `Kafka (see ${logFile})`, () => isOpen(clients));
    await broker.end("SIGTERM");
    if (!existsSync(join(result, ARCHIVE))) return false;
    await rename(result, folder);
    return true;
  } finally {
    await rm(around, { recursive: true, force: true });
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

/** The jars are moved into place when all of them are there. */
async function fetchJars(folder: string, say: (text: string) => void): Promise<boolean> {
  const around = `${folder}.part-${process.pid}`;
  const jars = join(around, "jars");
  await mkdir(around, { recursive: true });
  const dependency = (group: string, artifact: string, version: string) =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  await writeFile(
    join(around, "pom.xml"),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>waybill</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging><dependencies>
${dependency("org.apache.kafka", "kafka_2.13", KAFKA_VERSION)}
${dependency("org.slf4j", "slf4j-simple", SLF4J_VERSION)}
</dependencies></project>\n`,
  );
  try {
    const goals = ["dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${jars}`];
    const { status, stdout } = await runGuarded("mvn", ["-q", "-B", "-f", join(around, "pom.xml"), ...goals]);
    if (status === 0) await rename(jars, folder);
    else say(`Maven failed: ${stdout.trim().split("\n").at(0)}`);
    return status === 0;
  } finally {
    await rm(around, { recursive: true, force: true });
  }
}

export const KAFKA_VERSION = "4.1.1";
/** Any 16 bytes in base64url; the identity of a cluster that lives as long as its folder. */
export const KAFKA_CLUSTER_ID = "d2F5YmlsbC1zdGFjay0wMQ";
/** For a Java that soon ends again: it compiles no more than it must. */
export const BRIEF = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
const SLF4J_VERSION = "1.7.36";
const ARCHIVE = "classes.jsa";
const TOOLS_FOLDER =
  process.env.WAYBILL_TOOLS_FOLDER || fileURLToPath(new URL("../../.tools/bin", import.meta.url));
