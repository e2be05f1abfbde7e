/**
 * The wallet over HTTP: a server on its own database, and its users. Every answer is checked against the API document.
 */
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import * as assert from "uvu/assert";
import type { AnyDomain } from "../../../src/contract/domain.ts";
import { DOMAINS } from "../../../src/domains/index.ts";
import { signToken } from "../../../src/domains/wallet/token-command.ts";
import type { TestDatabase } from "../database.ts";
import { startInProcess } from "../service.ts";
import { until } from "../wait.ts";

const SECRET = "a secret of the tests, 32 bytes and more";
export const ADMIN = "admin-token-0123456789";

// biome-ignore lint/suspicious/noExplicitAny: what a test reads from an answer is what it tests.
export type Answer = { status: number; headers: Headers; body: any };
type Described = { $ref?: string; content?: Record<string, { schema: object }>; headers?: object };
type Document = {
  paths: Record<string, Record<string, { responses: Record<string, Described> }>>;
  components: { responses: Record<string, Described> };
};
type Asking = { user?: string; token?: string; key?: string; body?: unknown };

const ajv = new Ajv2020({ strict: true, allErrors: true, strictTypes: false });
addFormats.default(ajv);
// For references to named schemas.
ajv.addVocabulary(["components"]);

/** With the five currencies of its first messages. */
export class WalletService {
  readonly url: string;
  readonly #document: Document;
  readonly #stop: () => Promise<void>;
  static #keys = 0;
  static readonly #tokens = new Map<string, string>();

  private constructor(url: string, document: Document, stop: () => Promise<void>) {
    this.url = url;
    this.#document = document;
    this.#stop = stop;
  }

  static async start(
    database: TestDatabase,
    more: Record<string, string> = {},
    domains: readonly AnyDomain[] = DOMAINS,
  ): Promise<WalletService> {
    const service = await startInProcess(
      database,
      {
        DOMAINS: "wallet",
        WALLET_JWT_SECRET: SECRET,
        ADMIN_TOKEN: ADMIN,
        INGRESS_TOKEN: "ingress-token-0123456789",
        ...more,
      },
      domains,
    );
    const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as Document;
    const wallet = new WalletService(service.url, document, async () => {
      await service[Symbol.asyncDispose]();
    });
    await until("the currencies are there", async () => {
      const { body } = await wallet.ask("GET", "/wallet/currencies");
      return body.currencies.length >= 5;
    });
    return wallet;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }

  static newKey(): string {
    WalletService.#keys += 1;
    return `key-${WalletService.#keys}`;
  }

  static async tokenOf(user: string): Promise<string> {
    const settings = {
      jwtSecret: Buffer.from(SECRET),
      jwks: undefined,
      jwtIssuer: undefined,
      jwtAudience: undefined,
    };
    const token = WalletService.#tokens.get(user) ?? (await signToken(user, 60, settings));
    WalletService.#tokens.set(user, token);
    return token;
  }

  async ask(method: string, path: string, { user, token, key, body }: Asking = {}): Promise<Answer> {
    const bearer = token ?? (user === undefined ? undefined : await WalletService.tokenOf(user));
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    this.#compare(method, path, response, text);
    return { status: response.status, headers: response.headers, body: JSON.parse(text) };
  }

  post(user: string, path: string, body: unknown, key = WalletService.newKey()): Promise<Answer> {
    return this.ask("POST", path, { user, key, body });
  }

  get(user: string, path: string): Promise<Answer> {
    return this.ask("GET", path, { user });
  }

  deposit(user: string, amount: string, currency = "USD"): Promise<Answer> {
    return this.post(user, "/wallet/deposits", { currency, amount });
  }

  /** Available US dollars. */
  async dollarsOf(user: string): Promise<string> {
    return (await this.get(user, "/wallet/balances/USD")).body.available;
  }

  #compare(method: string, path: string, response: Response, text: string): void {
    const { paths, components } = this.#document;
    const [address = ""] = path.split("?");
    const fits = (template: string) =>
      new RegExp(`^${template.replaceAll(".", "\\.").replace(/\{\w+\}/g, "[^/]+")}$`).test(address);
    const template = paths[address] ? address : Object.keys(paths).find(fits);
    const what = `${method} ${path}: ${response.status} ${text}`;
    const named = paths[template ?? ""]?.[method.toLowerCase()]?.responses[response.status];
    assert.ok(named, `${what} is not in the document`);
    const described = named.$ref ? components.responses[named.$ref.split("/").at(-1) ?? ""] : named;
    for (const name of Object.keys(described?.headers ?? {}))
      assert.ok(response.headers.get(name), `${what}: ${name}`);
    const media = described?.content?.[(response.headers.get("content-type") ?? "").split(";")[0] ?? ""];
    assert.ok(media, `${what}: its type is not in the document`);
    const validate = ajv.compile({ ...media.schema, components });
    assert.ok(validate(JSON.parse(text)), `${what}: ${ajv.errorsText(validate.errors)}`);
  }
}

/** Status and type of a problem. */
export const kindOf = ({ status, body }: Answer) =>
  `${status} ${String(body.type).replace("urn:waybill:problem:", "")}`;

/** An engine route's answer to an operator. */
export async function fetchAsOperator(url: string, path: string): Promise<Answer> {
  const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${ADMIN}` } });
  return { status: response.status, headers: response.headers, body: await response.json() };
}
