/**
 * The life of a process: start, run until a signal, stop in order, exit. The first signal stops gracefully within a
 * deadline; the second exits at once. Nothing is lost either way: what was not committed was not acknowledged.
 */
import { ConfigError } from "../config/read.ts";

/** Runs `start` and disposes what it gives when the process is asked to end. */
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
 * Says what is wrong and ends the process: with 2 if the configuration is wrong and nothing was started, else with 1.
 * @param name the command that says it.
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

/** Aborts when the process is asked to end. Asked once more, it ends at once. @param reason what the abort says. */
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
    return `${error.message}: set HTTP_HOST and HTTP_PORT, for gRPC GRPC_HOST and GRPC_PORT, to an address that is free on this machine`;
  }
  return error instanceof Error ? error.message || error.name : String(error);
}

function isAddressError(error: unknown): error is NodeJS.ErrnoException {
  const { code, syscall } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  return syscall === "listen" && (code === "EADDRINUSE" || code === "EADDRNOTAVAIL" || code === "EACCES");
}

/** Orchestrators kill after ten seconds; what is left undone by then comes again from the broker. */
const STOP_DEADLINE_MS = 9_000;
