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

/** Says what is wrong in words and ends the process: 2 where nothing was started, because of how it was called. */
export function exitWith(error: unknown): never {
  if (error instanceof ConfigError) {
    const lines = error.problems.map((problem) => `  - ${problem}`).join("\n");
    process.stderr.write(
      `waybill: ${error.message}:\n${lines}\nSee README.md, "Configuration", and .env.example.\n`,
    );
    process.exit(2);
  }
  process.stderr.write(`waybill: ${describe(error)}\n`);
  process.exit(isAddressError(error) ? 2 : 1);
}

function describe(error: unknown): string {
  if (isAddressError(error)) {
    return `${error.message}: set HTTP_HOST and HTTP_PORT to an address that is free on this machine`;
  }
  return error instanceof Error ? error.message || error.name : String(error);
}

function isAddressError(error: unknown): error is NodeJS.ErrnoException {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === "EADDRINUSE" || code === "EADDRNOTAVAIL" || code === "EACCES";
}

/** Orchestrators kill after ten seconds; what is left undone by then comes again from the broker. */
const STOP_DEADLINE_MS = 9_000;
