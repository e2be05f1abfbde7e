/**
 * The life of a process: start, run until a signal, stop, exit. The first signal stops gracefully within a deadline; the
 * second exits at once. Nothing is lost either way, because only committed messages were acknowledged.
 */
import { ConfigError } from "../config/read.ts";

/** Runs `start`, and disposes its result on the first signal. */
export async function runProcess(start: () => Promise<AsyncDisposable>): Promise<void> {
  const asked = Promise.withResolvers<void>();
  let signals = 0;
  const onSignal = () => {
    signals += 1;
    if (signals > 1) process.exit(1);
    asked.resolve();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);

  let service: AsyncDisposable;
  try {
    service = await start();
  } catch (error) {
    exitWith(error);
  }
  await asked.promise;
  const deadline = setTimeout(() => {
    process.stderr.write(`waybill: not stopped within ${STOP_DEADLINE_MS / 1000} s; exiting\n`);
    process.exit(1);
  }, STOP_DEADLINE_MS);
  await service[Symbol.asyncDispose]();
  clearTimeout(deadline);
  process.exit(0);
}

/**
 * Prints the error and exits with 2 if the configuration is wrong, else with 1.
 * @param name the command that prints it.
 */
export function exitWith(error: unknown, name = "waybill"): never {
  if (error instanceof ConfigError) {
    const lines = error.problems.map((problem) => `  - ${problem}`).join("\n");
    process.stderr.write(
      `${name}: ${error.message}:\n${lines}\nSee docs/configuration.md and .env.example.\n`,
    );
    process.exit(2);
  }
  process.stderr.write(`${name}: ${describe(error)}\n`);
  process.exit(isAddressError(error) ? 2 : 1);
}

/** Aborts on the first signal; the second one ends the process. @param reason the error of the abort. */
export function stopSignal(reason?: Error): AbortSignal {
  const stopping = new AbortController();
  const stop = () => {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    stopping.abort(reason);
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return stopping.signal;
}

function describe(error: unknown): string {
  if (isAddressError(error)) {
    return `${error.message}: set HTTP_HOST and HTTP_PORT, for gRPC GRPC_HOST and GRPC_PORT, to a free address of this machine`;
  }
  return error instanceof Error ? error.message || error.name : String(error);
}

function isAddressError(error: unknown): error is NodeJS.ErrnoException {
  const { code, syscall } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  return syscall === "listen" && (code === "EADDRINUSE" || code === "EADDRNOTAVAIL" || code === "EACCES");
}

/** Orchestrators kill after ten seconds; the broker redelivers unfinished messages. */
const STOP_DEADLINE_MS = 9_000;
