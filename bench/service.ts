/** The service, for one measurement. */
import { type ServiceProcess, startServiceProcess } from "../tools/stack/service.ts";

/** It would disturb later measurements. */
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

/** Summed over labels; 0 if missing. */
export async function metricOf(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}
