/** `npm run dev`. */
import { command, exits, run } from "../../src/cli/command.ts";
import { startServiceProcess } from "./service.ts";
import { startStack } from "./stack.ts";
import { watchForStop } from "./stopping.ts";

const say = (text: string) => process.stderr.write(`dev: ${text}\n`);

const dev = command(
  "dev",
  "Runs the service on its own stack, and restarts it when one of its files changes.",
)
  .addHelpText("after", "\nEnvironment: HTTP_PORT (default: 3000).")
  .action(
    exits(async () => {
      const signal = watchForStop();
      await using started = new AsyncDisposableStack();
      const stack = started.use(await startStack("dev", say));
      const environment = { ...stack.environment, HTTP_PORT: process.env.HTTP_PORT || "3000" };
      const service = await startServiceProcess(environment, stack.folder, [
        "--watch",
        "--watch-preserve-output",
      ]);
      started.defer(() => service.child.end("SIGTERM"));
      say(`serving on ${service.url}, restarted on every change; log: ${service.logFile}`);
      if (stack.broker) say(`broker: ${stack.broker.address}; database: ${stack.environment.DATABASE_URL}`);
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return 0;
    }),
  );

await run(dev);
