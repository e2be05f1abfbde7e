/**
 * The service. It answers HTTP at once and then waits for the database, the schema and the brokers. app.ts lists the
 * parts.
 */
import { createApp } from "./app.ts";
import { command, run } from "./cli/command.ts";
import { runProcess } from "./cli/process.ts";
import { type Config, loadConfig } from "./config/config.ts";
import { armFailpoint } from "./config/failpoint.ts";
import type { AnyDomain } from "./contract/domain.ts";
import { DOMAINS } from "./domains/index.ts";
import { createLogger, type Logger } from "./telemetry/logger.ts";
import { startTracing } from "./telemetry/start-tracing.ts";

export type Service = AsyncDisposable & Readonly<{ port: number; grpcPort: number | undefined }>;

/**
 * Resolves once HTTP and gRPC answer.
 * @throws if an address cannot be bound.
 */
export async function startService(
  config: Config,
  logger: Logger,
  domains: readonly AnyDomain[] = DOMAINS,
): Promise<Service> {
  await using started = new AsyncDisposableStack();
  const tracing = started.use(await startTracing(config.tracing, logger));
  const { base, front, flow, port, grpcPort } = await createApp(config, domains, logger, tracing);
  for (const parts of [base, front]) {
    started.defer(() => parts.stop());
    await parts.start();
  }
  started.defer(() => {
    logger.info("stopping");
    return flow.stop();
  });
  // Any other exception than a fault is a bug and ends the process.
  void flow.start();
  const stack = started.move();
  return { port: port(), grpcPort: grpcPort(), [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

if (import.meta.main) {
  const start = () => {
    const config = loadConfig(DOMAINS);
    if (config.failpoint) armFailpoint(config.failpoint.name, config.failpoint.passes);
    const logger = createLogger(config.logLevel);
    for (const warning of config.warnings) logger.warn(warning);
    return startService(config, logger);
  };
  const description =
    "Runs the service. The environment configures it: see docs/configuration.md and .env.example.";
  await run(command("start", description).action(() => runProcess(start)));
}
