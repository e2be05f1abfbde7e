/** A Jaeger server with storage in memory. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Child, startChild, waitUntilReady } from "./child.ts";
import { findGoProgram } from "./go-program.ts";
import { freePort } from "./ports.ts";

export type JaegerSpan = Readonly<{
  traceID: string;
  spanID: string;
  operationName: string;
  references: readonly { refType: "CHILD_OF" | "FOLLOWS_FROM"; traceID: string; spanID: string }[];
  tags: readonly { key: string; value: unknown }[];
  logs: readonly { fields: readonly { key: string; value: unknown }[] }[];
  processID: string;
  /** The service that sent it. */
  serviceName: string;
}>;

export class Jaeger implements AsyncDisposable {
  readonly #child: Child;
  /** Page and query API. */
  readonly url: string;
  /** For the Jaeger exporter and OTLP. */
  readonly environment: Readonly<Record<string, string>>;

  private constructor(child: Child, url: string, environment: Readonly<Record<string, string>>) {
    this.#child = child;
    this.url = url;
    this.environment = environment;
  }

  /** @returns undefined if the program is not available. */
  static async start(folder: string, say: (text: string) => void): Promise<Jaeger | undefined> {
    const path = await findJaeger(say);
    if (!path) return undefined;
    await mkdir(folder, { recursive: true });
    const [query, collector, otlp, ...others] = await Promise.all(Array.from({ length: 7 }, freePort));
    const logFile = join(folder, "jaeger.log");
    const local = (port: number | undefined) => `127.0.0.1:${port}`;
    const child = startChild(
      path,
      [
        `--query.http-server.host-port=${local(query)}`,
        `--collector.http-server.host-port=${local(collector)}`,
        `--collector.otlp.http.host-port=${local(otlp)}`,
        `--collector.otlp.grpc.host-port=${local(others[0])}`,
        `--collector.grpc-server.host-port=${local(others[1])}`,
        `--query.grpc-server.host-port=${local(others[2])}`,
        `--admin.http.host-port=${local(others[3])}`,
      ],
      { logFile, env: { PATH: process.env.PATH, SPAN_STORAGE_TYPE: "memory" } },
    );
    const url = `http://${local(query)}`;
    await waitUntilReady(child, `Jaeger (see ${logFile})`, async () =>
      fetch(`${url}/api/services`).then(
        ({ ok }) => ok,
        () => false,
      ),
    ).catch(async (error: Error) => {
      await child.end("SIGTERM");
      throw error;
    });
    return new Jaeger(child, url, {
      OTEL_EXPORTER_JAEGER_ENDPOINT: `http://${local(collector)}/api/traces`,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://${local(otlp)}`,
    });
  }

  /** Empty until they arrive. */
  async spansOf(traceId: string): Promise<readonly JaegerSpan[]> {
    const response = await fetch(`${this.url}/api/traces/${traceId}`);
    if (!response.ok) return [];
    const { data } = (await response.json()) as {
      data: { spans: JaegerSpan[]; processes: Record<string, { serviceName: string }> }[];
    };
    const [{ spans, processes } = { spans: [], processes: {} }] = data;
    return spans.map((span) => ({ ...span, serviceName: processes[span.processID]?.serviceName ?? "" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.end("SIGTERM");
  }
}

/** @returns undefined if it is not available. */
export function findJaeger(say: (text: string) => void): Promise<string | undefined> {
  return findGoProgram(PROGRAM, say);
}

const MODULE = "github.com/jaegertracing/jaeger";
const VERSION = "v1.76.0";
const PROGRAM = {
  name: `Jaeger ${VERSION}`,
  file: "jaeger-all-in-one",
  builtFile: "all-in-one",
  variable: "JAEGER_ALL_IN_ONE",
  source: `${MODULE}/cmd/all-in-one`,
  module: `${MODULE}@${VERSION}`,
};
