/** The service as a separate process. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startChild, waitUntilReady } from "./child.ts";
import { COMPILED } from "./compiled.ts";
import { startNotices } from "./notices.ts";

export type ServiceProcess = Readonly<{
  child: Child;
  url: string;
  logFile: string;
}>;

/**
 * Resolves when the service is ready, or only when it answers.
 * @param environment beside PATH.
 * @param nodeOptions such as `--watch`.
 */
export async function startServiceProcess(
  environment: Readonly<Record<string, string>>,
  folder: string,
  nodeOptions: readonly string[] = [],
  { isAwaited = true }: Readonly<{ isAwaited?: boolean }> = {},
): Promise<ServiceProcess> {
  const logFile = join(folder, "service.log");
  const { promise: answering, resolve } = Promise.withResolvers<string>();
  const child = startChild(process.execPath, [...nodeOptions, MAIN], {
    env: { PATH: process.env.PATH, ...COMPILED, HTTP_PORT: "0", GRPC_PORT: "0", ...environment },
    logFile,
    onLine: (line) => {
      const address = /"address":"(http:[^"]+)"/.exec(line)?.[1];
      if (address) resolve(address);
    },
  });
  const failed = child.ended.then((code) => {
    throw new Error(`the service ended with status ${code} while it was starting (see ${logFile})`);
  });
  failed.catch(() => {});
  // The address is logged at level info, so it is missing with a higher LOG_LEVEL.
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`the service gave no address (see ${logFile})`)),
    ADDRESS_TIMEOUT_MS,
  );
  try {
    const url = await addressOf(Promise.race([answering, failed, late]), logFile);
    if (isAwaited) await waitUntilReady(child, `the service (see ${logFile})`, () => isReady(url));
    return { child, url, logFile };
  } catch (error) {
    await child.end("SIGKILL");
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function addressOf(answering: Promise<string>, logFile: string): Promise<string> {
  using _notices = startNotices(() => `waiting for the service's address (see ${logFile})`);
  return await answering;
}

export async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false;
  }
}

/** Ample, for a busy machine. */
const ADDRESS_TIMEOUT_MS = 150_000;
const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
