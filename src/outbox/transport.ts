/** The relay's interface to a broker. */
import type { WaitingEvent } from "./outbox-table.ts";

export interface Transport extends AsyncDisposable {
  /**
   * Opens a session, which fences earlier sessions of the relay in all processes; consumers never see their unfinished
   * batches.
   * @throws a retryable fault.
   */
  open(): Promise<TransportSession>;
}

/** Sends one batch at a time. Unusable after an exception. */
export interface TransportSession extends AsyncDisposable {
  /**
   * Resolves when the broker has stored the whole batch. Consumers see all of it or nothing.
   * @param domain the first part of each event's `message-id`.
   * @throws RefusedError if the broker permanently refuses events; any other exception is a retryable fault.
   */
  send(domain: string, events: readonly WaitingEvent[]): Promise<void>;
}

export class RefusedError extends Error {
  readonly reason: string;
  readonly suspects: readonly WaitingEvent[];

  constructor(reason: string, suspects: readonly WaitingEvent[]) {
    super(`the broker refuses an event: ${reason}`);
    this.reason = reason;
    this.suspects = suspects;
  }
}
