/** Trials: the probe of a poison message, and a dry run. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PROJECTED } from "../../src/contract/domain.ts";
import { orders as domain } from "../../src/domains/orders/index.ts";
import { isolatePoisonMessage, projectingOf } from "../../src/projector/project.ts";
import { createDatabase } from "../support/database.ts";
import { appendAll, domainThat } from "../support/engine.ts";
import { messageOf, orderWith } from "../support/messages.ts";

const trials = suite("trials");

trials(
  "the probe of a poison message projects each of its neighbours, and a fault of any of them is a fault",
  async () => {
    await using database = await createDatabase();
    const fragile = domainThat(async (batch, transaction) => {
      for (const row of batch) {
        await transaction.query("insert into orders values ($1, $2, 'c', 't', now())", [
          `order ${row.payload}`,
          String(row.position),
        ]);
        // After the row is written, as a full disk or a lost connection would.
        if (row.payload.toString() === "sick")
          await transaction.query("do $$ begin raise 'a fault' using errcode = '53100'; end $$");
      }
      return { outcomes: batch.map(() => PROJECTED) };
    });
    const probe = () => isolatePoisonMessage(database, projectingOf(fragile, { isLive: false }));
    const { receipts } = await appendAll(
      database,
      ["poison", "well", "well too"].map((text) => messageOf(text)),
    );
    assert.is(await probe(), receipts[0]?.position, "all neighbours pass: it is the message");
    await appendAll(database, [messageOf("sick")]);
    await probe().then(
      () => assert.unreachable("the third neighbour was not tried"),
      (error: { sqlState?: string }) => assert.is(error.sqlState, "53100"),
    );
  },
);

trials(
  "a dry run does not affect the live projection, which continues to write without a lookup",
  async () => {
    await using database = await createDatabase();
    const live = domain.createProjection();
    const trial = domain.createProjection();
    const ids = ["stored", "stored", "later", "last"];
    const messages = ids.map((id) => messageOf(orderWith({ order_uid: id })));
    const { receipts } = await appendAll(database, messages);
    const rows = messages.map((message, index) => ({
      ...message,
      position: receipts[index]?.position ?? 0n,
      headersJson: undefined,
      receivedAtMs: 0,
    }));
    await database.attempt(async (transaction) => {
      let lookups = 0;
      const query = transaction.query.bind(transaction);
      transaction.query = (text: string, values?: readonly unknown[]) => {
        if (text.includes("from orders where order_uid")) lookups += 1;
        return query(text, values);
      };
      await live.project(rows.slice(0, 1), transaction);
      // The trial meets an existing id, after which its instance looks up ids before it writes.
      await trial.project(rows.slice(1, 2), transaction);
      assert.is(lookups, 1);
      await live.project(rows.slice(2, 3), transaction);
      assert.is(lookups, 1, "the live projection looked, too");
      await trial.project(rows.slice(3), transaction);
      assert.is(lookups, 2);
    });
  },
);

trials.run();
