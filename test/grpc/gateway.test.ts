/** The gateway: procedures over HTTP and JSON, and the API document, which is driven by what the server answers. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  DeclinedError,
  KeyReusedError,
  NotFoundError,
  OutOfRangeError,
  TooManyCallsError,
  UnavailableError,
  UpstreamError,
} from "../../src/contract/errors.ts";
import { currentCall } from "../../src/grpc/call.ts";
import { bindingsOf } from "../../src/grpc/gateway/binding.ts";
import { operationOf } from "../../src/grpc/gateway/operation.ts";
import { ProductService } from "../../src/proto/marketplace/product/v1/product_pb.ts";
import { createDatabase } from "../support/database.ts";
import { bufCurl, echoDomain } from "../support/echo/echo.ts";
import { ledger } from "../support/ledger/index.ts";
import { startInProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const INGRESS = "ingress-token-0123456789";
const gateway = suite("gateway");
let failure: Error | undefined;
let seen: Headers | undefined;
const ended = Promise.withResolvers<unknown>();
const database = await createDatabase(undefined, [ledger]);
const callsAtProjection: unknown[] = [];
const onProjected = () => void callsAtProjection.push(currentCall());
const domain = echoDomain(
  ({ submit, settled }) => ({
    remove: async ({ thingName: id }, { signal }) => {
      assert.ok(currentCall());
      const payload = Buffer.from(JSON.stringify({ id, account: "a", amount: 1 }));
      const { position } = await submit({ messageId: id, payload });
      await settled(position, signal);
      return {};
    },
    say: async ({ text }, { requestHeader, signal }) => {
      seen = requestHeader;
      if (text === "wait") {
        signal.addEventListener("abort", () => ended.resolve(signal.reason));
        await ended.promise;
      }
      if (failure) throw failure;
      return { text };
    },
  }),
  onProjected,
);
const service = await startInProcess(
  database,
  { DOMAINS: "ledger", INGRESS_TOKEN: INGRESS, PAYLOAD_BYTES_MAX: "100000" },
  [domain],
);

type Described = { $ref?: string; content?: Record<string, { schema: object }>; headers?: object };
type Operation = {
  tags: string[];
  parameters: { name: string; in: string; schema: object }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, Described>;
};
const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as {
  paths: Record<string, Record<string, Operation>>;
  components: { responses: Record<string, Described> };
};
const ajv = new Ajv2020({ strict: true, allErrors: true, strictTypes: false });
addFormats.default(ajv);
// For references to named schemas.
ajv.addVocabulary(["components"]);

// biome-ignore lint/suspicious/noExplicitAny: what it holds is what the document says, which is what is tested.
type Answer = { status: number; body: any; headers: Headers };
type Asked = { body?: unknown; headers?: Record<string, string>; token?: string };

/** Sends a request and holds the answer against the document. */
async function ask(
  method: string,
  path: string,
  { body, headers, token = INGRESS }: Asked = {},
): Promise<Answer> {
  const response = await fetch(`${service.url}${path}`, {
    method,
    headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const [address = ""] = path.split("?");
  const fits = (template: string) =>
    new RegExp(`^${template.replace(/\{\w+\}/g, "[^/]+")}$`).test(address) &&
    document.paths[template]?.[method.toLowerCase()];
  const template = Object.keys(document.paths).find(fits) ?? "";
  const named = document.paths[template]?.[method.toLowerCase()]?.responses[response.status];
  const what = `${method} ${path}: ${response.status} ${text.slice(0, 300)}`;
  assert.ok(named, `${what} is not in the document`);
  const described = named.$ref ? document.components.responses[named.$ref.split("/").at(-1) ?? ""] : named;
  for (const name of Object.keys(described?.headers ?? {}))
    assert.ok(response.headers.get(name), `${what}: ${name}`);
  assert.ok(response.headers.get("x-request-id"), what);
  const media = described?.content?.[response.headers.get("content-type") ?? ""];
  assert.ok(media, `${what}: ${response.headers.get("content-type")}`);
  const validate = ajv.compile({ ...media.schema, components: document.components });
  const value = JSON.parse(text);
  assert.ok(validate(value), `${what}: ${ajv.errorsText(validate.errors)}`);
  return { status: response.status, body: value, headers: response.headers };
}

gateway("the document is valid OpenAPI, with a route for each rule of the descriptions", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document) as never);
  assert.ok(valid, JSON.stringify(errors));
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { tags }]) => tags[0] === "ledger")
      .map(([method]) => `${method} ${path}`),
  );
  assert.equal(routes.sort(), [
    "delete /echo/things/{thing_name}",
    "get /echo/say/{text}",
    "get /echo/things",
    "post /echo/check",
    "post /echo/say",
    "post /echo/things/{name}",
  ]);
});

gateway("the comments of the descriptions are its words", () => {
  const method = ProductService.method.getProduct;
  const [binding] = bindingsOf(method);
  const { summary, description, responses } = operationOf("product", method, binding as never);
  assert.is(summary, "Gets a product");
  assert.match(description ?? "", /^NOT_FOUND if the SKU does not exist/);
  assert.match(JSON.stringify(responses), "In the smallest unit of the currency.");
});

gateway("rules of the descriptions are rules of the schemas", () => {
  const schemaOf = (path: string, method: string) =>
    document.paths[path]?.[method]?.requestBody?.content["application/json"]?.schema as {
      properties: Record<string, object>;
      required: string[];
    };
  const check = schemaOf("/echo/check", "post");
  assert.equal(check.required, ["user_id", "count", "lines", "word"]);
  assert.equal(check.properties.count, { type: "integer", exclusiveMinimum: 0, maximum: 65_535 });
  assert.equal(check.properties.user_id, {
    anyOf: [
      { type: "string", pattern: "^[1-9]\\d{0,19}$" },
      { type: "integer", exclusiveMinimum: 0 },
    ],
  });
  assert.equal(check.properties.word, { type: "string", minLength: 2, maxLength: 5 });
  const { items, ...lines } = check.properties.lines as { items: object };
  assert.equal(lines, { type: "array", minItems: 1, maxItems: 3 });
  assert.equal(items, {
    type: "object",
    properties: { sku: { type: "integer", exclusiveMinimum: 0, maximum: 4_294_967_295 } },
    required: ["sku"],
    additionalProperties: false,
  });
  const share = document.paths["/echo/things"]?.get?.parameters.find(({ name }) => name === "share");
  assert.equal(share?.schema, { type: "number", minimum: 0, exclusiveMaximum: 1 });
});

gateway("a request is made of the body, the path and the query", async () => {
  const valid = { user_id: "9007199254740993", count: 3, lines: [{ sku: 1 }], word: "word" };
  const zero = { is_large: false, kind: "KIND_UNSPECIFIED" };
  const { status, body } = await ask("POST", "/echo/check", { body: valid });
  assert.is(status, 200);
  // 64 bits are strings, and zero values are written.
  assert.equal(body, { total: "3", user_id: "9007199254740993", lines: [{ sku: 1 }], ...zero });
  const camel = await ask("POST", "/echo/check", {
    body: { userId: 7, count: "3", lines: [{ sku: 1 }], word: "word" },
  });
  assert.equal(camel.body, { total: "3", user_id: "7", lines: [{ sku: 1 }], ...zero });
  assert.equal((await ask("GET", "/echo/say/a%20b")).body, { text: "a b" });
  assert.equal((await ask("POST", "/echo/say", { body: { text: "c" } })).body, { text: "c" });
  assert.equal((await ask("POST", "/echo/say")).body, { text: "" });
  const change = { amount_minor: "-5", tags: ["a"] };
  const changed = await ask("POST", "/echo/things/one", { body: change });
  assert.equal(changed.body, { name: "one", change });
  assert.equal((await ask("DELETE", "/echo/things/one")).body, {});
  const query = "after_id=5&skus=1&skus=2&is_open=true&kind=KIND_LARGE&since=2026-01-02T03:04:05Z&share=0.5";
  const asked = {
    after_id: "5",
    skus: [1, 2],
    is_open: true,
    kind: "KIND_LARGE",
    since: "2026-01-02T03:04:05Z",
    share: 0.5,
  };
  assert.equal((await ask("GET", `/echo/things?${query}`)).body, { asked });
  const names = query.replace("after_id", "afterId").replace("is_open", "isOpen").replace("KIND_LARGE", "2");
  assert.equal((await ask("GET", `/echo/things?${names}`)).body, { asked });
  const none = await ask("GET", "/echo/things");
  assert.equal(none.body, {
    asked: { after_id: "0", skus: [], is_open: false, kind: "KIND_UNSPECIFIED", share: 0 },
  });
});

gateway("each mistake in a request is named", async () => {
  const valid = { user_id: 1, count: 3, lines: [{ sku: 1 }], word: "word" };
  const mistakesOf = async (method: string, path: string, body?: unknown) => {
    const answer = await ask(method, path, body === undefined ? {} : { body });
    assert.equal(
      [answer.status, answer.body.code, answer.body.type],
      [400, "INVALID_ARGUMENT", "urn:waybill:problem:invalid-argument"],
    );
    assert.is(answer.body.parameter, answer.body.errors[0].field);
    return answer.body.errors.map(({ field, rule }: { field: string; rule: string }) => `${field} ${rule}`);
  };
  const check = (change: object) => mistakesOf("POST", "/echo/check", { ...valid, ...change });
  assert.equal(await check({ user_id: 0, count: 65_536 }), ["user_id int64.gt", "count uint32.gt_lte"]);
  assert.equal(await check({ lines: [] }), ["lines repeated.min_items"]);
  assert.equal(await check({ lines: [{ sku: 1 }, { sku: 0 }] }), ["lines[1].sku uint32.gt"]);
  assert.equal(await check({ none: 1 }), ["none unknown"]);
  assert.equal(await check({ lines: [{ sku: 1, none: 1 }] }), ["lines[0].none unknown"]);
  assert.equal(await check({ userId: 1 }), ["userId unique"]);
  assert.equal(await check({ count: "x", word: 5 }), ["count type", "word type"]);
  assert.equal(await check({ count: 1.5 }), ["count type"]);
  assert.equal(await check({ lines: [{ sku: "x" }] }), ["lines[0].sku type"]);
  assert.equal(await check({ lines: {} }), ["lines type"]);
  assert.equal(await check({ lines: [null] }), ["lines[0] type"]);
  // JSON.parse has rounded it: it is not what the caller meant.
  assert.equal(
    await mistakesOf(
      "POST",
      "/echo/check",
      '{"user_id": 9007199254740993, "count": 1, "lines": [{"sku": 1}], "word": "word"}',
    ),
    ["user_id type"],
  );
  assert.equal(await mistakesOf("POST", "/echo/check", "[]"), ["body type"]);
  assert.equal(await mistakesOf("POST", "/echo/check", '{"count": 1, "count": 2}'), ["count unique_name"]);
  assert.equal(await mistakesOf("POST", "/echo/check", "{"), ["body json"]);
  assert.equal(await mistakesOf("POST", "/echo/things/one", { amount_minor: "x" }), [
    "change.amount_minor type",
  ]);
  assert.equal(await mistakesOf("GET", "/echo/things?skus=x"), ["skus[0] type"]);
  assert.equal(await mistakesOf("GET", "/echo/things?is_open=1"), ["is_open type"]);
  assert.equal(await mistakesOf("GET", "/echo/things?kind=KIND_NONE"), ["kind type"]);
  assert.equal(await mistakesOf("GET", "/echo/things?since=today"), ["since type"]);
  assert.equal(await mistakesOf("GET", "/echo/things?share=1"), ["share double.gte_lt"]);
  assert.equal(await mistakesOf("GET", "/echo/things?kind=1&kind=2"), ["kind unique"]);
  const unknown = await ask("GET", "/echo/things?none=1");
  assert.equal([unknown.status, unknown.body.parameter], [400, "none"]);
});

gateway("each error is a problem with the code of the call", async () => {
  const problemOf = async (error: Error) => {
    failure = error;
    const { status, body, headers } = await ask("POST", "/echo/say", { body: {} });
    failure = undefined;
    return [status, body.code, body.reason, headers.get("retry-after")];
  };
  assert.equal(await problemOf(new NotFoundError("no")), [404, "NOT_FOUND", undefined, null]);
  assert.equal(await problemOf(new KeyReusedError("no")), [409, "ALREADY_EXISTS", undefined, null]);
  const declined = new DeclinedError("too_little", "Too little", { sku: 3 });
  assert.equal(await problemOf(declined), [412, "FAILED_PRECONDITION", "too_little", null]);
  assert.equal(await problemOf(new OutOfRangeError("no")), [400, "OUT_OF_RANGE", undefined, null]);
  assert.equal(await problemOf(new TooManyCallsError("no", 2)), [429, "RESOURCE_EXHAUSTED", undefined, "2"]);
  assert.equal(await problemOf(new UnavailableError("no", 3)), [503, "UNAVAILABLE", undefined, "3"]);
  const upstream = new UpstreamError("FAILED_PRECONDITION", "no", "too_little");
  assert.equal(await problemOf(upstream), [412, "FAILED_PRECONDITION", "too_little", null]);
  assert.equal(await problemOf(new UpstreamError("DEADLINE_EXCEEDED", "no")), [
    504,
    "DEADLINE_EXCEEDED",
    undefined,
    null,
  ]);
  assert.equal(await problemOf(new UpstreamError("UNAUTHENTICATED", "no")), [
    401,
    "UNAUTHENTICATED",
    undefined,
    null,
  ]);
  assert.equal(await problemOf(new Error("secret")), [500, "INTERNAL", undefined, null]);
  failure = new Error("secret");
  assert.not.match(JSON.stringify((await ask("POST", "/echo/say", { body: {} })).body), "secret");
  failure = undefined;
});

gateway("the ingress token, sizes and codings hold as on other routes", async () => {
  assert.is((await ask("POST", "/echo/say", { body: {}, token: "" })).status, 401);
  assert.is((await ask("GET", "/echo/say/a", { token: "wrong" })).status, 401);
  assert.is((await ask("POST", "/echo/say", { body: { text: "x".repeat(200_000) } })).status, 413);
  const headers = { "content-encoding": "gzip" };
  assert.is((await ask("POST", "/echo/say", { body: {}, headers })).status, 415);
  const elsewhere = await ask("POST", "/echo/say", {
    body: {},
    token: "",
    headers: { origin: "https://elsewhere.example" },
  });
  assert.ok([401, 403].includes(elsewhere.status));
});

gateway("a call keeps its token, its key and its id", async () => {
  const headers = { "idempotency-key": "once", "x-request-id": "one-of-mine", cookie: "a=b" };
  const answer = await ask("POST", "/echo/say", { body: {}, headers });
  assert.is(answer.headers.get("x-request-id"), "one-of-mine");
  const metadata = Object.fromEntries(seen ?? []);
  assert.equal(metadata, {
    authorization: `Bearer ${INGRESS}`,
    "idempotency-key": "once",
    "x-request-id": "one-of-mine",
  });
});

gateway("a handler learns that its caller hung up", async () => {
  const caller = new AbortController();
  const headers = { authorization: `Bearer ${INGRESS}` };
  const asked = fetch(`${service.url}/echo/say/wait`, { signal: caller.signal, headers });
  asked.catch(() => {});
  await until("the handler is asked", () => seen?.get("x-request-id") !== "one-of-mine");
  caller.abort();
  const reason = (await ended.promise) as Error;
  assert.is(reason.name, "AbortError", "and not because the time was over");
});

gateway("what a command causes when it is projected belongs to no call", async () => {
  await ask("DELETE", "/echo/things/projected");
  assert.equal(callsAtProjection.slice(-1), [undefined]);
});

gateway("the same procedures answer gRPC, on another port and with the same token", async () => {
  const url = `http://127.0.0.1:${service.grpcPort}`;
  const procedure = "echo.v1.EchoService/Say";
  const said = await bufCurl(url, procedure, { text: "a" }, "-H", `authorization: Bearer ${INGRESS}`);
  assert.equal(JSON.parse(said.stdout), { text: "a" });
  assert.match((await bufCurl(url, procedure, { text: "a" })).stderr, "unauthenticated");
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  assert.match(
    metrics,
    'waybill_grpc_server_request_duration_seconds_count{service="echo.v1.EchoService",method="Say",code="OK"}',
  );
});

gateway.after(async () => {
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
gateway.run();
