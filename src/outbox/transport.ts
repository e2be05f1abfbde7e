/** What the relay needs of a broker. */
import type { WaitingEvent } from "./outbox-table.ts";

export interface Transport extends AsyncDisposable {
  /**
   * Opens a session. From then on the broker accepts nothing from any earlier session of the same relay, in this process
   * or in another one, and what an earlier session left unfinished is never shown to consumers.
   * @throws a fault of the broker or of the network; retrying is right.
   */
  open(): Promise<TransportSession>;
}

/** A session sends one batch at a time. After an exception it is of no use any more. */
export interface TransportSession extends AsyncDisposable {
  /**
   * Sends a batch and resolves once the broker has stored all of it. Consumers see all of the batch or nothing of it.
   * @param domain the first part of each event's `message-id`.
   * @throws RefusedError if the broker will not take some of the events however often they are sent; any other
   * exception is a fault, and retrying is right.
   */
  send(domain: string, events: readonly WaitingEvent[]): Promise<void>;
}

/** The broker refuses events for what they are. */
export class RefusedError extends Error {
  /** The broker's name of the error. */
  readonly reason: string;
  /** The events among which the refused ones are. */
  readonly suspects: readonly WaitingEvent[];

  constructor(reason: string, suspects: readonly WaitingEvent[]) {
    super(`the broker refuses an event: ${reason}`);
    this.reason = reason;
    this.suspects = suspects;
  }
}
