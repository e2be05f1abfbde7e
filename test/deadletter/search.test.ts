/** Each identifier leads to its message, by an index or a bounded number of rows. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { InvalidInputError } from "../../src/contract/errors.ts";
import type { Message } from "../../src/contract/message.ts";
import type { Queryable } from "../../src/database/queryable.ts";
import type { Transaction } from "../../src/database/transaction.ts";
import { searchMessages } from "../../src/deadletter/search/search.ts";
import { cart } from "../../src/domains/cart/index.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { loms } from "../../src/domains/loms/index.ts";
import { notifications } from "../../src/domains/notifications/index.ts";
import { product } from "../../src/domains/product/index.ts";
import { wallet } from "../../src/domains/wallet/index.ts";
import { validCartCommands } from "../support/cart/messages.ts";
import { createDatabase } from "../support/database.ts";
import { openDesk } from "../support/desk.ts";
import { appendAll, projectAll } from "../support/engine.ts";
import { errorOf } from "../support/error.ts";
import { validCommands as validLomsCommands } from "../support/loms/messages.ts";
import { messageOf, orderWith } from "../support/messages.ts";
import { validEvents } from "../support/notifications/messages.ts";
import { put } from "../support/product/messages.ts";
import { validCommands } from "../support/wallet/messages.ts";

const search = suite("search of messages");
const database = await createDatabase();
const { desk, project, ...rest } = await openDesk(database, DOMAINS);

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;
const CLUSTER = "QZfSHuSBTcWXA2l0MnZrJQ";

/** @returns its position. */
async function receive(payload: Buffer | string, change: Partial<Message> = {}): Promise<string> {
  const { receipts } = await appendAll(database, [messageOf(payload, change)]);
  await project();
  return String(receipts[0]?.position);
}

/** The positions that match, with what the text is of each. */
async function find(text: string): Promise<Record<string, string[]>> {
  const { matches } = await desk.messages.find(text);
  return Object.fromEntries(
    matches.map((match) => [match.kind === "message" ? match.position : match.page, match.matched]),
  );
}

search("a position leads to its message, and says what became of it", async () => {
  const position = await receive(orderWith({ order_uid: "at a position" }));
  const { matches } = await desk.messages.find(` ${position} `);
  assert.is(matches.length, 1);
  const [match] = matches;
  assert.ok(match?.kind === "message");
  assert.equal(
    [match.position, match.domain, match.outcome, match.page, match.matched],
    [position, "orders", "projected", `/ui/message?position=${position}`, ["position"]],
  );
});

search("an order id leads to the order, to letters that hold it, and to messages that wait", async () => {
  const first = await receive(orderWith({ order_uid: "find me" }));
  assert.equal(await find("find me"), { [first]: ["order id (orders)"] });
  const conflict = await receive(orderWith({ order_uid: "find me", locale: "de" }));
  assert.equal(await find("find me"), {
    [first]: ["order id (orders)"],
    [conflict]: ["payload of a dead letter"],
  });
  const dead = await receive(orderWith({ order_uid: "never an order", sm_id: "x" }));
  assert.equal(await find("never an order"), { [dead]: ["payload of a dead letter"] });
  const { receipts } = await appendAll(database, [messageOf(orderWith({ order_uid: "not yet an order" }))]);
  const pending = String(receipts[0]?.position);
  assert.equal(await find("not yet an order"), { [pending]: ["payload of a pending message"] });
  await project();
  assert.equal(await find("not yet an order"), { [pending]: ["order id (orders)"] });
});

search("a broker's id leads to its message: whole, as a sequence, or as an offset", async () => {
  const stan = { source: "nats-streaming", messageId: "900001-1700000000000000001" };
  const sequence = await receive(orderWith({ order_uid: "by sequence" }), stan);
  assert.equal(await find("900001-1700000000000000001"), { [sequence]: ["message id"] });
  assert.equal(await find("900001"), { [sequence]: ["stream sequence"] });
  const streamed = await receive(orderWith({ order_uid: "streamed" }), {
    source: "jetstream",
    messageId: "900001-1690000000000",
  });
  assert.equal(await find("900001"), {
    [streamed]: ["stream sequence"],
    [sequence]: ["stream sequence"],
  });
  // Ids of another source that begin like it.
  await receive(orderWith({ order_uid: "a key" }), { source: "http", messageId: "900001-2" });
  assert.is(Object.keys(await find("900001")).length, 2);

  const kafka = (messageId: string, channel: string) =>
    receive(orderWith({ order_uid: `${channel} ${messageId}` }), { source: "kafka", channel, messageId });
  const offset = await kafka(`4711/0/3/topic-id/${CLUSTER}`, "orders");
  const other = await kafka(`4711/0/3/other-id/${CLUSTER}`, "orders.eu");
  const partition = await kafka(`4711/0/4/topic-id/${CLUSTER}`, "orders");
  await kafka(`47110/0/3/topic-id/${CLUSTER}`, "orders");
  assert.equal(await find("orders/3/4711"), { [offset]: ["topic/partition/offset"] });
  assert.equal(await find("4/4711"), { [partition]: ["partition/offset"] });
  assert.equal(Object.keys(await find("3/4711")).sort(), [offset, other].sort());
  assert.equal(await find("orders.us/3/4711"), {});
});

search("an idempotency key leads to its message, but a redrive's id is no key", async () => {
  const position = await receive(orderWith({ order_uid: "by key" }), { source: "http", messageId: "key 17" });
  assert.equal(await find("key 17"), { [position]: ["idempotency key"] });
  const dead = await receive(orderWith({ order_uid: "to redrive", sm_id: null }));
  await desk.redrive(BigInt(dead), undefined, { author: "Ann" });
  await project();
  assert.equal(await find(dead), { [dead]: ["position"] });
});

search("a trace id or a traceparent leads to every message of the trace", async () => {
  const first = await receive(orderWith({ order_uid: "traced" }), { traceparent: TRACEPARENT });
  const second = await receive(orderWith({ order_uid: "traced too" }), {
    traceparent: `00-${TRACE}-00f067aa0ba902b8-00`,
  });
  await receive(orderWith({ order_uid: "untraced" }));
  const both = { [second]: ["trace id"], [first]: ["trace id"] };
  assert.equal(await find(TRACE), both);
  assert.equal(await find(TRACE.toUpperCase()), both);
  assert.equal(await find(TRACEPARENT), both);
  // Vacuum makes the filters of the index.
  await database.admin("vacuum inbox");
  assert.equal(await find(TRACE), both);
  assert.equal(await find("f".repeat(32)), {});
});

search("a fingerprint leads to its group", async () => {
  const position = await receive(orderWith({ order_uid: "of a group", track_number: 5 }));
  const { fingerprint } = await desk.show(BigInt(position));
  const { matches } = await desk.messages.find(fingerprint);
  assert.equal(matches, [
    {
      kind: "group",
      matched: ["fingerprint of a group"],
      page: `/ui/dead-letter-list?fingerprint=${fingerprint}&domain=orders`,
      domain: "orders",
      fingerprint,
      code: "schema",
      letters: 1,
      open: 1,
    },
  ]);
});

search("the documents of every domain are found by their ids", async () => {
  const idOf = ({ payload }: Message) => JSON.parse(payload.toString()).id as string;
  const examples = [
    { domain: product, messages: [put("put-1", 77, "A", 1)], text: () => "77", what: "SKU" },
    { domain: product, messages: [put("put-2", 78, "A", 1)], text: idOf, what: "command id" },
    { domain: loms, messages: validLomsCommands(1), text: idOf, what: "command id" },
    { domain: cart, messages: validCartCommands(1), text: idOf, what: "command id" },
    {
      domain: notifications,
      messages: validEvents(1),
      text: ({ headers = "{}" }: Message) => {
        const stored = JSON.parse(headers) as { headers: [string, string][] };
        return new Map(stored.headers).get("message-id") as string;
      },
      what: "event id, the header message-id",
    },
    {
      domain: wallet,
      messages: validCommands(1),
      text: (message: Message) => {
        const { owner, id } = JSON.parse(message.payload.toString());
        return `${owner} ${id}`;
      },
      what: "owner and transaction id with a space between them",
    },
  ];
  for (const { domain, messages, text, what } of examples) {
    const { receipts } = await appendAll(database, messages, domain);
    await projectAll(database, domain);
    const position = String(receipts[0]?.position);
    const found = await find(text(messages[0] as Message));
    assert.ok(
      found[position]?.includes(`${what} (${domain.name})`),
      `${domain.name}: ${what} in ${JSON.stringify(found)}`,
    );
  }
});

search(
  "a text that is not an identifier names the forms; an unknown one says what was searched",
  async () => {
    for (const bad of ["", "  ", "x".repeat(513), "a\0b", "\ud800", undefined, ["a", "b"]]) {
      const error = await errorOf(desk.messages.find(bad));
      assert.instance(error, InvalidInputError);
      assert.match(error.message, /topic\/partition\/offset.*order id \(orders\)/);
    }
    const { matches, looked_for, forms } = await desk.messages.find("nowhere to be found");
    assert.equal(matches, []);
    assert.ok(looked_for.includes("message id or idempotency key"));
    assert.ok(
      looked_for.some((what) => /^payload of a dead letter: \d+ searched/.test(what)),
      String(looked_for),
    );
    assert.ok(forms.includes("order id (orders)"));
  },
);

search("a search can keep to one domain, whatever it finds", async () => {
  const other = async (payload: string, change: Partial<Message> = {}) => {
    const { receipts } = await appendAll(database, [messageOf(payload, change)], product);
    await projectAll(database, product);
    return String(receipts[0]?.position);
  };
  const traceId = "a".repeat(32);
  const change = {
    source: "jetstream",
    messageId: "910001-1700000000000",
    traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
  };
  const ofOrders = await receive("in two domains", change);
  const ofProduct = await other("in two domains", { ...change, channel: "product" });
  const { fingerprint } = await desk.show(BigInt(ofOrders));
  const inDomain = async (text: string, domain?: string) => {
    const { matches } = await desk.messages.find(text, domain);
    return matches.map((match) => (match.kind === "group" ? match.domain : match.position)).sort();
  };
  for (const text of ["in two domains", "910001", change.messageId, traceId]) {
    assert.equal(await inDomain(text), [ofOrders, ofProduct].sort(), text);
    assert.equal(await inDomain(text, "orders"), [ofOrders], text);
    assert.equal(await inDomain(text, "product"), [ofProduct], text);
  }
  assert.equal(await inDomain(ofOrders, "product"), [], "a position");
  assert.equal(await inDomain(fingerprint), ["orders", "product"]);
  assert.equal(await inDomain(fingerprint, "product"), ["product"]);
  const { receipts } = await appendAll(database, [messageOf("pending in one domain")]);
  const pending = String(receipts[0]?.position);
  assert.equal(await inDomain("pending in one domain", "orders"), [pending]);
  assert.equal(await inDomain("pending in one domain", "product"), []);
  await project();
  const { forms } = await desk.messages.find("nowhere", "product");
  assert.ok(forms.includes("SKU (product)") && !forms.includes("order id (orders)"), String(forms));
  const error = await errorOf(desk.messages.find("anything", "order"));
  assert.instance(error, InvalidInputError);
  assert.match(error.message, "unknown domain order; known domains: orders, wallet");
});

search("a search of all domains finds messages of a domain that no longer exists", async () => {
  const traceId = "c".repeat(32);
  const change = { messageId: "920001-1700000000000", traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
  const gone = { ...product, name: "gone" };
  const { receipts } = await appendAll(database, [messageOf("of a former domain", change)], gone);
  const position = String(receipts[0]?.position);
  assert.equal(await find(change.messageId), { [position]: ["message id"] });
  assert.equal(await find(traceId), { [position]: ["trace id"] });
  assert.instance(await errorOf(desk.messages.find(traceId, "gone")), InvalidInputError);
});

search("matches of another domain take no place from those of the chosen one", async () => {
  const fill = async (domain: typeof product | undefined, count: number) => {
    const change = { traceparent: `00-${"b".repeat(32)}-00f067aa0ba902b7-01` };
    const messages = Array.from({ length: count }, (_none, index) => messageOf(`crowd ${index}`, change));
    await appendAll(database, messages, domain);
    await (domain ? projectAll(database, domain) : project());
  };
  await fill(undefined, 2);
  await fill(product, 25);
  for (const text of ["b".repeat(32), "crowd"]) {
    const { matches, has_more } = await desk.messages.find(text, "orders");
    assert.equal([matches.length, has_more], [2, false], text);
  }
});

search("more matches than fit are announced", async () => {
  for (let index = 0; index < 21; index++) await receive(`many letters ${index}`);
  const { matches, has_more } = await desk.messages.find("many letters");
  assert.equal([matches.length, has_more], [20, true]);
});

search("each statement of a search reads an index by a condition, whatever the text is", async () => {
  const names = DOMAINS.map(({ name }) => name);
  const texts = ["7", "find me", "orders/3/4711", TRACEPARENT, "0123456789abcdef", "ann d1"];
  let statements = 0;
  // A transaction for each search, because a search sets what the planner may use.
  for (const [text, domain] of texts.flatMap((text) => [[text], [text, "orders"]] as const)) {
    await database.transaction(async (transaction) => {
      const watched = withCheck(transaction, async (statement, values) => {
        statements += 1;
        for (const { name, hasCondition } of await scansOf(transaction, statement, values)) {
          assert.ok(hasCondition, `${name} in ${statement}`);
        }
      });
      await searchMessages(watched, text, DOMAINS, names, domain);
    });
  }
  assert.ok(statements > 120);
});

/** Checks each statement before it runs, under the settings that it runs with. */
function withCheck(
  transaction: Transaction,
  check: (statement: string, values: readonly unknown[]) => Promise<void>,
): Transaction {
  return new Proxy(transaction, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return async (...args: [string, (readonly unknown[])?]) => {
        if (name === "query") await check(args[0], args[1] ?? []);
        return value.apply(target, args);
      };
    },
  });
}

type Plan = { "Node Type": string; "Relation Name"?: string; "Index Cond"?: string; Plans?: Plan[] };

/** How the statement reads tables, and whether a condition bounds the part of the index that it reads. */
async function scansOf(transaction: Queryable, statement: string, values: readonly unknown[]) {
  const { rows } = await transaction.query<{ "QUERY PLAN": { Plan: Plan }[] }>(
    `explain (format json) ${statement}`,
    values,
  );
  const scans: { name: string; hasCondition: boolean }[] = [];
  const visit = (plan: Plan) => {
    const relation = plan["Relation Name"];
    const bitmap = plan["Node Type"] === "Bitmap Heap Scan" ? plan.Plans?.[0] : undefined;
    const condition = plan["Index Cond"] ?? bitmap?.["Index Cond"];
    // One row for each domain.
    if (relation !== undefined && relation !== "checkpoints") {
      scans.push({ name: `${plan["Node Type"]} of ${relation}`, hasCondition: condition !== undefined });
    }
    for (const below of plan.Plans ?? []) visit(below);
  };
  for (const { Plan: plan } of rows[0]?.["QUERY PLAN"] ?? []) visit(plan);
  return scans;
}

search.after(async () => {
  await rest[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
search.run();
