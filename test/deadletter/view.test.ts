/** Payload views: masked, bounded, with the ranges of problems. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { headersToJson } from "../../src/contract/headers.ts";
import type { Problem } from "../../src/contract/rejection.ts";
import { diffPayloads } from "../../src/deadletter/show/diff.ts";
import { Mask } from "../../src/deadletter/show/mask.ts";
import { viewPayload } from "../../src/deadletter/show/view.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { parseOrder } from "../../src/domains/orders/schema.ts";
import { OrderFactory } from "../../tools/domains/orders/factory.ts";
import { ordersKit } from "../../tools/domains/orders/index.ts";
import { garbageKinds, makeGarbage } from "../../tools/publisher/garbage.ts";
import { createDatabase } from "../support/database.ts";
import { ANN, openDesk } from "../support/desk.ts";
import { appendAll, projectAll } from "../support/engine.ts";
import { MODEL, messageOf, orderWith } from "../support/messages.ts";

const MASK = new Mask(orders);
const mask = (text: string) => MASK.text(text);

test("personal values of a document are hidden, whatever their type and however their names are written", () => {
  assert.is(mask('{"name":"Ann","x":1}'), '{"name":"•••","x":1}');
  assert.is(mask('{"phone":12345,"zip":null,"city":true}'), '{"phone":•••••,"zip":null,"city":••••}');
  assert.is(mask('{"na\\u006de":"Ann"}'), '{"na\\u006de":"•••"}');
  assert.is(mask('{"address":{"street":"A","parts":["B"]}}'), '{"address":{"street":"•","parts":["•"]}}');
  assert.is(mask('{"order":"{\\"phone\\":\\"1\\"}"}'), `{"order":"${"•".repeat(17)}"}`);
});

test("what is no document is masked by what stands before and in its values", () => {
  for (const text of [
    '{"name":"Ann Other","phone":"+9720000000"',
    "{'email': 'ann@example.com', name: Ann Other}",
    "name=Ann Other&phone=+9720000000",
    'garbage "address" : "Ann Other',
    "please call +972 000 0000 or write to ann@example.com",
    "<email>ann@example.com</email>",
  ]) {
    assert.not.match(mask(text), /Ann Other|ann@example|9720000000|000 0000/, text);
    assert.is(mask(text).length, text.length);
  }
});

test("names are those of people in any case, and as a word of a longer name", () => {
  assert.is(
    mask('{"Name":"Ann","EMAIL":"a","customerEmail":"b","phone_number":5,"renamed":"c"}'),
    '{"Name":"•••","EMAIL":"•","customerEmail":"•","phone_number":•,"renamed":"c"}',
  );
});

test("what the schema knows is masked by its path: a person's name, and not that of an item", () => {
  assert.is(mask('{"items":[{"name":"Mascaras"}]}'), '{"items":[{"name":"Mascaras"}]}');
  assert.is(mask('{"delivery":{"name":"Ann"}}'), '{"delivery":{"name":"•••"}}');
  assert.is(mask('{"items":[{"owner":{"name":"Ann"}}]}'), '{"items":[{"owner":{"name":"•••"}}]}');
});

test("up to the token that breaks a document, values are masked by their paths", () => {
  const order = orderWith({ delivery: { ...MODEL.delivery, name: "Ann Other" } }).toString();
  const item = MODEL.items[0]?.name as string;
  const broken = [
    order.slice(0, -3),
    `${order.slice(0, -1)},}`,
    `${order.slice(0, -1)} "note":1}`,
    order.replace('"locale":"en"', '"locale":NaN'),
    `${order}${order}`,
  ];
  for (const text of broken) {
    const masked = mask(text);
    assert.match(masked.slice(0, order.length), item, text);
    assert.not.match(masked, /Ann Other/, text);
    assert.is(masked.length, text.length);
  }
  const bytes = Buffer.concat([Buffer.from(order), Buffer.from([0xff])]);
  assert.match(MASK.bytes(bytes).toString("latin1"), item);
  assert.not.match(MASK.bytes(bytes).toString("latin1"), /Ann Other/);
});

test("a person's name stays hidden in a malformed document, at an unknown path and in a wrong nesting", () => {
  const person = '"name":"Ann Other","phone":"+9720000000"';
  for (const text of [
    // Broken before, in and after the person.
    `{"items":[{"name":"Bike",}],"delivery":{${person}}}`,
    `{"items":[{"name":"Bike" "delivery":{${person}}}`,
    `{"items":[{"price":1 ${person}}]}`,
    `{"delivery":{"name":"Ann Other`,
    '{"delivery":{"name":"Ann \u0001 Other"}}',
    '{"delivery":{"name" "Ann Other"}}',
    '{"delivery":{"who": Ann Other, "more":"Ann Other"}}',
    `{"delivery":"Ann Other`,
    `{"delivery":{${person}`,
    // Unknown paths.
    `{"recipient":{${person}}}`,
    `{"items":[{"owner":{${person}}}]}`,
    // Wrong nestings.
    `{"payment":{"delivery":{${person}}}}`,
    `{"delivery":[{${person}}]}`,
    `{"items":{${person}}}`,
    `{"items":[[{${person}}]]}`,
    `[{"delivery":{${person}}}]`,
  ]) {
    assert.not.match(mask(text), /Ann|Other|000/, text);
    assert.is(mask(text).length, text.length);
  }
});

test("in every domain, what its schema knows to be no person's is shown, also in a broken document", () => {
  for (const domain of DOMAINS) {
    const own = new Mask(domain);
    const lastName = (path: string) => path.slice(path.lastIndexOf("/") + 1);
    const personal =
      domain.personalPaths ??
      domain.paths.filter((path) => domain.personalNames.includes(lastName(path).toLowerCase()));
    for (const path of domain.paths) {
      if (domain.paths.some((other) => other.startsWith(`${path}/`)) || path.endsWith("#")) continue;
      const isPersonal = personal.some((other) => path === other || path.startsWith(`${other}/`));
      const opened = path
        .split("/")
        .slice(1)
        .map((step) => (step === "#" ? "[" : `{"${step}":`))
        .join("");
      const masked = own.text(`${opened}"Secret"`.replaceAll(":[", ":["));
      assert.is(masked.includes("Secret"), !isPersonal, `${domain.name} ${path}`);
    }
  }
});

test("a value in the place of an object that holds personal values is hidden", () => {
  for (const text of ['{"delivery":"John Doe"}', '{"delivery":["John Doe"]}', '"John Doe"', '["John Doe"]']) {
    assert.is(mask(text), text.replace("John Doe", "••••••••"));
  }
  for (const value of [{ delivery: "John Doe, Main Street 5" }, "John Doe, Main Street 5"]) {
    const rejection = parseOrder(Buffer.from(JSON.stringify(value)));
    const problems = "code" in rejection ? rejection.problems : [];
    assert.match(JSON.stringify(problems), "John Doe");
    assert.not.match(JSON.stringify(problems.map((problem) => MASK.problem(problem))), "John Doe");
  }
});

test("e-mail addresses and telephone numbers are hidden wherever they stand", () => {
  const text = '{"locale":"ann@example.com","+49 170 1234567":"call +49 170 1234567"}';
  assert.not.match(mask(text), /ann|example|170/);
  assert.is(mask(text).length, text.length);
  const problem = {
    path: "/ann@example.com",
    rule: "type",
    expected: "a text",
    received: "number",
    excerpt: "+49 170 1234567",
  };
  assert.not.match(JSON.stringify(MASK.problem(problem)), /ann|170/);
});

test("bytes are masked byte by byte", () => {
  const bytes = Buffer.concat([Buffer.from('{"name":"Ann","x":1'), Buffer.from([0xff, 0x00])]);
  const masked = MASK.bytes(bytes);
  assert.is(masked.toString("latin1"), '{"name":"***","x":1\xff\0');
});

test("of every kind of garbage nothing personal is shown, and each problem's place is in the payload", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const factory = new OrderFactory(seed);
  for (const kind of garbageKinds(ordersKit)) {
    const { payload } = makeGarbage(ordersKit, factory, kind);
    const rejection = parseOrder(payload);
    const found: readonly Problem[] = "code" in rejection ? rejection.problems : [];
    assert.ok(found.length > 0, kind);
    const { payload: view, problems } = viewPayload(payload, found, MASK);
    const content =
      view.encoding === "text" ? view.content : Buffer.from(view.content, "base64").toString("latin1");
    assert.ok(content.length <= 128 * 1024, kind);
    const { delivery } = payload.length < 100_000 ? deliveryIn(payload) : { delivery: [] };
    for (const value of delivery) assert.not.ok(content.includes(value), `seed ${seed}, ${kind}: ${value}`);
    for (const { range, path } of problems) {
      if (range) assert.ok(range.start <= range.end && range.end <= payload.length, `${kind} ${path}`);
    }
  }
});

function deliveryIn(payload: Buffer): { delivery: string[] } {
  const text = payload.toString("latin1");
  const names = ["phone", "email", "address"];
  return {
    delivery: names.flatMap((name) => new RegExp(`"${name}":"([^"]{5,})"`).exec(text)?.slice(1) ?? []),
  };
}

test("the place of a problem is the value, or the nearest thing around what is missing", () => {
  const { bank: _bank, ...payment } = MODEL.payment;
  const payload = orderWith({ locale: 12, payment, items: [{ ...MODEL.items[0], price: "free" }] });
  const rejection = parseOrder(payload);
  const { problems } = viewPayload(payload, "code" in rejection ? rejection.problems : [], Mask.none);
  const placeOf = (path: string) => {
    const range = problems.find((problem) => problem.path === path)?.range;
    return range && payload.toString().slice(range.start, range.end);
  };
  assert.is(placeOf("/locale"), "12");
  assert.is(placeOf("/items/0/price"), '"free"');
  assert.is(placeOf("/payment/bank"), "{");
});

test("of a large payload the part around its first problem is shown", () => {
  const text = `{"fill":"${"é".repeat(200_000)}","end":nonsense}`;
  const rejection = parseOrder(Buffer.from(text));
  const { payload, problems } = viewPayload(
    Buffer.from(text),
    "code" in rejection ? rejection.problems : [],
    MASK,
  );
  assert.is(payload.isWhole, false);
  assert.is(payload.bytes, Buffer.byteLength(text));
  const at = (problems[0]?.range?.start ?? 0) - payload.offset;
  assert.is(payload.content.slice(at, at + 3), "non");
});

test("a part that begins within a document says where; the parts make up the whole", () => {
  const text = orderWith({ items: Array.from({ length: 4_000 }, () => MODEL.items[0]) }).toString();
  const broken = `${text.slice(0, -1)},}`;
  for (const whole of [text, broken]) {
    const problem = { path: "/items/2000/price", rule: "type", expected: "a number", received: "string" };
    const { payload } = viewPayload(Buffer.from(whole), [problem], MASK);
    assert.is(payload.length, whole.length);
    assert.is(payload.isWhole, false);
    if (whole === broken) continue;
    const { path = "", open = "" } = payload.within ?? {};
    assert.match(path, /^\/items\/1\d\d\d(\/\w+)?$/);
    assert.is(open, path.split("/").length === 4 ? "{[{" : "{[");
    assert.match(payload.content, open === "{[{" ? /^("[^"]*"|\d+)[,}]/ : /^\{"/);
  }
  const first = viewPayload(Buffer.from(text), [], MASK, 0).payload;
  const second = viewPayload(Buffer.from(text), [], MASK, 1024 * 1024).payload;
  assert.is(first.content.length, Math.min(text.length, 1024 * 1024));
  const rest = text.length - first.content.length;
  assert.is(first.content + second.content.slice(second.content.length - rest), mask(text));
});

test("a conflict is compared with its first message, which is revealed and recorded with it", async () => {
  await using database = await createDatabase();
  await using opened = await openDesk(database);
  const { desk, receive } = opened;
  const phone = { ...MODEL.delivery, phone: "+49170999999" };
  const [first, second, third] = (await receive(
    orderWith({ order_uid: "twice" }),
    orderWith({ order_uid: "twice", delivery: phone, locale: "de" }),
    JSON.stringify(JSON.parse(orderWith({ order_uid: "twice" }).toString()), null, 1),
  )) as [bigint, bigint, bigint];
  const changed = (lines: readonly { kind: string; text: string }[] = []) =>
    lines.flatMap(({ kind, text }) => (kind === "removed" || kind === "added" ? [text.trim()] : []));
  const { original_position, original_diff } = await desk.show(second);
  assert.is(original_position, String(first));
  assert.equal(
    changed(original_diff)
      .map((text) => text.replace(/•+/, "•"))
      .sort(),
    ['"locale": "de",', '"locale": "en",', '"phone": "•",', '"phone": "•",'],
  );
  assert.equal(changed((await desk.show(third)).original_diff), []);
  const revealed = await desk.reveal(second, ANN);
  assert.match(changed(revealed.original_diff).join(), /\+49170999999/);
  assert.equal(
    (await desk.biography(first)).actions.map(({ action, author }) => `${action} by ${author}`),
    ["reveal by Ann"],
  );
});

test("a difference is laid out line by line, and shows nothing personal where it is masked", () => {
  const before = '{"name":"Ann","amount":"5","items":[1,2,3,4,5,6,7,8,9,10,11,12]}';
  const after = before.replace('"5"', "5").replace("Ann", "Bob");
  const lines = diffPayloads(before, after, mask) ?? [];
  assert.equal(
    lines.filter(({ kind }) => kind === "removed" || kind === "added").map(({ text }) => text.trim()),
    // That a hidden value differs is shown, but not how.
    ['"name": "•••",', '"amount": "5",', '"name": "•••",', '"amount": 5,'],
  );
  assert.ok(lines.some(({ kind }) => kind === "skipped"));
  assert.not.match(JSON.stringify(lines), /Ann|Bob/);
  assert.is(diffPayloads("x".repeat(600_000), "y", mask), undefined);
  assert.ok(diffPayloads('{"a":', '{"a":1}', mask));
});

test("what came beside a payload is shown with the letter, personal values hidden; an edited redrive has a payload", async () => {
  await using database = await createDatabase();
  await using opened = await openDesk(database);
  const { desk, domain, project } = opened;
  const headers = headersToJson({
    headers: [
      ["content-type", "application/json"],
      ["Email", "ann"],
      ["note", "write to ann@example.com"],
      ["raw", Buffer.from([0xff])],
    ],
    key: "order-1",
    isNull: true,
  }) as string;
  const { receipts } = await appendAll(database, [messageOf("", { source: "kafka", headers })]);
  await projectAll(database, domain);
  const position = receipts[0]?.position as bigint;
  const letter = await desk.show(position);
  assert.is(letter.code, "empty");
  assert.equal(letter.with, {
    headers: [
      ["content-type", "application/json"],
      ["Email", "•••"],
      ["note", `write to ${"•".repeat("ann@example.com".length)}`],
      ["raw", "•••"],
    ],
    key: "order-1",
    payload: null,
  });
  await desk.redrive(position, orderWith({ order_uid: "edited" }), ANN);
  await project();
  const { rows } = await database.admin("select headers from inbox where redrive_of is not null");
  assert.not.ok("payload" in rows[0].headers);
  assert.is(rows[0].headers.key, "order-1");
});

test.run();
