/**
 * Prepares the statements that a connection repeats, so that PostgreSQL parses and plans them once. Only on direct
 * connections: a pooler in transaction mode runs each transaction in another session, which lacks the prepared statement.
 * Plans are renewed every second, because a plan made for a small table reads the whole table after it has grown.
 * Source: PostgreSQL manual, PREPARE and DISCARD; PgBouncer FAQ, "prepared statements with transaction pooling".
 */
import type pg from "pg";

export class PreparedStatements {
  /** How often each text was used. */
  readonly #uses = new Map<string, number>();
  readonly #names = new Map<string, string>();
  /** When the plans of each direct connection were last discarded. */
  readonly #plannedAt = new WeakMap<pg.ClientBase, number>();

  /**
   * Learns whether a connection is direct. A pooler answers a connection request itself, with a process id that is not
   * that of the session.
   */
  async learn(client: pg.ClientBase): Promise<void> {
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    if (rows[0]?.pid === (client as unknown as { processID: number }).processID)
      this.#plannedAt.set(client, performance.now());
  }

  /** @returns undefined if the statement is not to be prepared. */
  nameOf(client: pg.ClientBase, text: string): string | undefined {
    const plannedAt = this.#plannedAt.get(client);
    if (plannedAt === undefined) return undefined;
    const name = this.#nameOf(text);
    if (name !== undefined && performance.now() - plannedAt > PLAN_MS_MAX) this.#discardPlans(client);
    return name;
  }

  /** Sent before the statement that follows. */
  #discardPlans(client: pg.ClientBase): void {
    this.#plannedAt.set(client, performance.now());
    // If the connection is lost or the transaction has failed, the statement that follows reports it.
    client.query("discard plans").catch(() => {});
  }

  #nameOf(text: string): string | undefined {
    const name = this.#names.get(text);
    if (name !== undefined) return name;
    // Bounded, because some texts depend on their callers' filters.
    if (this.#names.size === NAMES_MAX || this.#uses.size === TEXTS_MAX) return undefined;
    const uses = (this.#uses.get(text) ?? 0) + 1;
    this.#uses.set(text, uses);
    if (uses < USES_MIN) return undefined;
    const given = `waybill_${this.#names.size + 1}`;
    this.#names.set(text, given);
    return given;
  }
}

/** Statements without parameters may be several in one text, which cannot be prepared. */
export function runQuery<Row extends object>(
  client: pg.ClientBase,
  text: string,
  values: readonly unknown[] | undefined,
  prepared: PreparedStatements | undefined,
): Promise<pg.QueryResult<Row>> {
  const name = values?.length ? prepared?.nameOf(client, text) : undefined;
  return name === undefined
    ? client.query<Row>(text, values as unknown[])
    : client.query<Row>({ name, text, values: values as unknown[] });
}

/** Planning takes well below a millisecond. */
const PLAN_MS_MAX = 1_000;

/** Preparing costs a little more than running once. */
const USES_MIN = 3;
const NAMES_MAX = 200;
const TEXTS_MAX = 2_000;
