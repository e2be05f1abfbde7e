/** The command `npm run dev`: the service on a stack of its own, restarted whenever a file of it changes. */
import { command, exits, run } from "../../src/cli/command.ts";
import { startServiceProcess } from "./service.ts";
import { startStack } from "./stack.ts";
import { watchForStop } from "./stopping.ts";

const say = (text: string) => process.stderr.write(`dev: ${text}\n`);

const dev = command(
  "dev",
  "Runs the service on a stack of its own, and restarts it whenever a file of it changes.",
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
      say(`answering on ${service.url}, restarted on every change; log: ${service.logFile}`);
      if (stack.broker) say(`broker: ${stack.broker.address}; database: ${stack.environment.DATABASE_URL}`);
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return 0;
    }),
  );

await run(dev);
