/**
 * The standard health service: the readiness of `/readyz`, for the process and each service; NOT_SERVING as soon as the
 * process stops. It needs no token.
 * Source: grpc/health/v1/health.proto.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ConnectRouter } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Unready } from "../contract/part.ts";
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../proto/grpc/health/v1/health_pb.ts";

export class Health {
  readonly #domains: ReadonlyMap<string, string>;
  readonly #unready: () => readonly Unready[];
  readonly #stopping = new AbortController();

  /**
   * @param domains the domain of each service, by the full name of the service.
   * @param unready why the process or a domain is not ready.
   */
  constructor(domains: ReadonlyMap<string, string>, unready: () => readonly Unready[]) {
    this.#domains = domains;
    this.#unready = unready;
  }

  addTo(router: ConnectRouter): void {
    router.service(HealthService, {
      check: ({ service }) => {
        const status = this.#statusOf(service);
        if (status === undefined) throw new ConnectError("there is no such service here", Code.NotFound);
        return { status };
      },
      list: () => ({
        statuses: Object.fromEntries(
          ["", ...this.#domains.keys()].map((service) => [
            service,
            { status: this.#statusOf(service) as ServingStatus },
          ]),
        ),
      }),
      watch: ({ service }, { signal }) => this.#watch(service, signal),
    });
  }

  /** Reports NOT_SERVING from now on, to watchers at once. */
  stop(): void {
    this.#stopping.abort();
  }

  async *#watch(service: string, signal: AbortSignal) {
    const ended = AbortSignal.any([signal, this.#stopping.signal]);
    for (let last: ServingStatus | undefined; !signal.aborted; ) {
      const status = this.#statusOf(service) ?? ServingStatus.SERVICE_UNKNOWN;
      if (status !== last) yield { status };
      last = status;
      if (this.#stopping.signal.aborted) return;
      await delay(WATCH_INTERVAL_MS, undefined, { signal: ended }).catch(() => {});
    }
  }

  #statusOf(service: string): ServingStatus | undefined {
    const domain = this.#domains.get(service);
    if (service !== "" && domain === undefined) return undefined;
    if (this.#stopping.signal.aborted) return ServingStatus.NOT_SERVING;
    const isReady = this.#unready().every(
      (one) => one.domain !== undefined && domain !== undefined && one.domain !== domain,
    );
    return isReady ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }
}

/** Watchers learn of a change within this time. */
const WATCH_INTERVAL_MS = 500;
