/** The service as a process, for as long as something is measured of it. */
import { type ServiceProcess, startServiceProcess } from "../tools/stack/service.ts";

/** Ends it whatever happens: one that was left behind would disturb all that follows. */
export async function withService<T>(
  environment: Readonly<Record<string, string>>,
  folder: string,
  work: (service: ServiceProcess) => Promise<T>,
  nodeOptions: readonly string[] = [],
): Promise<T> {
  const service = await startServiceProcess(environment, folder, nodeOptions);
  try {
    return await work(service);
  } finally {
    await service.child.end("SIGTERM");
  }
}

/** A figure of a service's metrics, by its name with labels; 0 where there is none. */
export async function metricOf(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  // The sum over its labels, such as those of several domains.
  const lines = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}
