/** The command `npm run dev`: the service on a stack of its own, restarted whenever a file of it changes. */
import { startServiceProcess } from "./service.ts";
import { startStack } from "./stack.ts";
import { watchForStop } from "./stopping.ts";

const say = (text: string) => process.stderr.write(`dev: ${text}\n`);

const stopping = watchForStop();

try {
  await using started = new AsyncDisposableStack();
  const stack = started.use(await startStack("dev", say));
  const environment = { ...stack.environment, HTTP_PORT: process.env.HTTP_PORT || "3000" };
  const service = await startServiceProcess(environment, stack.folder, [
    "--watch",
    "--watch-preserve-output",
  ]);
  started.defer(() => service.child.end("SIGTERM"));
  say(`answering on ${service.url}, restarted on every change; log: ${service.logFile}`);
  if (stack.broker) say(`broker: ${stack.broker.address}; database: ${stack.environment.DATABASE_URL}`);
  if (!stopping.aborted) await new Promise((resolve) => stopping.addEventListener("abort", resolve));
} catch (error) {
  say((error as Error).message);
  process.exitCode = 1;
}
