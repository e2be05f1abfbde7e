/** All domains in one service, and all pages with live data: what the reader holds there, and what makes news. */
import type { Browser, Page } from "playwright-core";
import type { Test } from "uvu";
import * as assert from "uvu/assert";
import { signToken } from "../../src/domains/wallet/token-command.ts";
import { freePort } from "../../tools/stack/ports.ts";
import { withClient } from "../../tools/stack/postgres.ts";
import { openTab } from "./browser.ts";
import { createDatabase } from "./database.ts";
import { orderWith } from "./messages.ts";
import { startInProcess } from "./service.ts";
import { until } from "./wait.ts";

export type LivePage = Readonly<{
  path: string;
  /** Has the focus when the news arrives. */
  focus: string;
  /** The row under the pointer, if the focus is outside of the list. */
  hover?: string;
  /** Makes the news. */
  news: () => Promise<unknown>;
  /** Visible as soon as the page shows the news. */
  shown: string;
  /** Checked by the long test, because it shows nothing that the others do not. */
  isLong?: true;
}>;

/** @returns the service, which can be stopped and started again at its address, and the pages by name. */
export async function startLivePages(browser: Browser) {
  const started = new AsyncDisposableStack();
  const database = started.use(await createDatabase());
  const [grpcPort, httpPort] = await Promise.all([freePort(), freePort()]);
  const self = `http://127.0.0.1:${grpcPort}`;
  const environment = {
    DOMAINS: "orders,wallet,product,loms,cart,notifications",
    GRPC_PORT: String(grpcPort),
    HTTP_PORT: String(httpPort),
    INGRESS_TOKEN: TOKEN,
    WALLET_JWT_SECRET: SECRET,
    CART_PRODUCT_URL: self,
    CART_LOMS_URL: self,
    CART_NOTIFICATIONS_URL: self,
  };
  let service = await startInProcess(database, environment);
  started.defer(() => service[Symbol.asyncDispose]());
  const user = await userToken();
  const { url } = service;

  async function ask(path: string, body?: object | string, headers: Record<string, string> = {}) {
    const response = await fetch(`${url}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    assert.ok(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
    return (await response.json()) as Record<string, string>;
  }
  const outcomeOf = ({ position }: Record<string, string>) => ask(`/messages/${position}?wait=10`);
  const order = (uid: string) => ask("/orders", orderWith({ order_uid: uid }).toString());
  const letter = (field: string) => ask("/orders", orderWith({ [field]: { of: "another type" } }).toString());
  const redrive = (domain: string) =>
    ask("/deadletters/redrive", { filter: { domain }, author: "Ann", reason: "live", failures_max: 9 });
  const deposit = (amount: string) =>
    ask(
      "/wallet/deposits",
      { currency: "USD", amount },
      { authorization: `Bearer ${user}`, "idempotency-key": amount },
    );
  async function buy() {
    await ask("/cart/item/add", { user: USER, sku: SKU, count: 1 });
    const { order_id } = await ask("/cart/checkout", { user: USER });
    // As Kafka would bring them.
    const { rows } = await database.query(
      "select position, ordinal, headers, payload from outbox where key = $1 order by position, ordinal",
      [order_id],
    );
    for (const { position, ordinal, headers, payload } of rows)
      await ask("/notifications/events", payload.toString(), {
        "message-id": `loms/${position}/${ordinal}`,
        sequence: headers.sequence,
      });
    return order_id;
  }

  await until("the catalogue is there", async () => {
    const products = await fetch(`${url}/shop/products`, { headers: { authorization: `Bearer ${TOKEN}` } });
    return products.ok && (await products.text()).includes("Handmade Plastic Bacon");
  });
  await order("the first");
  const { position: letterAt } = await outcomeOf(await letter("sm_id"));
  await outcomeOf(await ask("/product/commands", "not JSON"));
  await deposit("1");
  const bought = await buy();

  // Until the news, the domain of products processes nothing: its redrive and its message wait.
  const isReleased = Promise.withResolvers<void>();
  const isHeld = Promise.withResolvers<void>();
  const holding = withClient(database.ownerUrl, async (client) => {
    await client.query("begin");
    await client.query("select from checkpoints where domain = 'product' for update");
    isHeld.resolve();
    await isReleased.promise;
  });
  started.defer(async () => {
    isReleased.resolve();
    await holding;
  });
  await isHeld.promise;
  const { id } = await redrive("product");
  const { position } = await ask("/product/commands", "still not JSON", { traceparent: TRACE });

  const news = once(() =>
    Promise.all([
      order("the second"),
      letter("shardkey"),
      deposit("2"),
      buy(),
      ask("/sources/wallet/http/pause", { author: "Ann", reason: "live" }),
      redrive("orders"),
    ]),
  );
  /** The held messages get their outcomes. */
  const release = once(async () => {
    isReleased.resolve();
    await holding;
  });
  const pages: Record<string, LivePage> = {
    "newest orders": { path: "/", focus: "#newest tr button", news, shown: ".news button", isLong: true },
    "groups of dead letters": {
      path: "/ui/dead-letters",
      focus: "#groups td[data-name=Problem] a",
      news,
      shown: ".news:has(+ #groups) button",
    },
    "newest dead letters": {
      path: "/ui/status",
      focus: "#newest a",
      news,
      shown: ".news:has(+ #newest) button",
    },
    "causes of dead letters": {
      path: "/ui/status",
      focus: "#causes a",
      news,
      shown: ".news:has(+ #causes) button",
      isLong: true,
    },
    "pauses of sources": {
      path: "/ui/status",
      focus: "[aria-label='Pause http of orders']",
      news,
      shown: "#pauses [aria-label='Resume http of wallet']",
      isLong: true,
    },
    "bulk work": {
      path: "/ui/redrive",
      focus: "#redrive tbody a",
      news,
      shown: ".news:has(+ #redrive) button",
    },
    "statement of the wallet": {
      path: "/ui/wallet/",
      focus: "#amount",
      hover: "#entries tr",
      news,
      shown: ".news button",
    },
    "orders of the shop": {
      path: `/ui/cart/#order-${bought}`,
      focus: "#orders a",
      news,
      shown: ".news button",
    },
    "a pending message": {
      path: `/ui/message?position=${position}`,
      focus: "#facts button",
      news: release,
      shown: "#outcome:text-is('Dead')",
    },
    "a running redrive": {
      path: `/ui/redrive?id=${id}`,
      focus: "dl.facts a",
      news: release,
      shown: "#status:text-is('Finished')",
    },
  };

  /** Signed in, with the focus and the pointer at their places. */
  async function open({ path, focus, hover }: Pick<LivePage, "path" | "focus" | "hover">) {
    const opened = await openTab(browser, url, path);
    const { tab } = opened;
    const [form, token] = path.startsWith("/ui/wallet/") ? ["#user-token", user] : ["#caller-token", TOKEN];
    if (path.startsWith("/ui/wallet/") || path.startsWith("/ui/cart/")) {
      await tab.fill(form, token);
      await tab.press(form, "Enter");
    }
    // A hidden element does not take the focus.
    await tab.waitForSelector(focus);
    await tab.locator(focus).first().focus();
    if (hover) await tab.hover(hover);
    return opened;
  }

  return {
    pages,
    /** Position of a dead letter. */
    letter: letterAt,
    order,
    release,
    open,
    resume: () => ask("/sources/wallet/http/resume", { author: "Ann", reason: "live" }),
    stop: () => service[Symbol.asyncDispose](),
    async startAgain() {
      service = await startInProcess(database, environment);
    },
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  };
}

/** Opens the pages at once, so that all wait for the same news, and adds a check of each. */
export async function checkPlaces(
  check: Test,
  { pages, open }: Awaited<ReturnType<typeof startLivePages>>,
  isChecked: (page: LivePage) => boolean,
): Promise<void> {
  const opened = await Promise.all(
    Object.entries(pages)
      .filter(([, page]) => isChecked(page))
      .map(async ([name, page]) => {
        const { tab, complaints } = await open(page);
        return { name, page, tab, complaints, before: await placeOf(tab) };
      }),
  );
  for (const { name, page, tab, complaints, before } of opened) {
    check(`${name}: news leaves the focus and the place as they are`, async () => {
      await page.news();
      await tab.waitForSelector(page.shown);
      assert.ok(before.hasFocus);
      assert.equal(await placeOf(tab), before);
      assert.equal(complaints, []);
      await tab.close();
    });
  }
}

/** Where the reader sees the element that got the focus and the row under the pointer. */
function placeOf(tab: Page) {
  return tab.evaluate(() => {
    const reader = window as unknown as { element?: Element | null; row?: Element | null };
    reader.element ??= document.activeElement;
    reader.row ??= document.querySelector("tr:hover");
    const yOf = (element: Element | null | undefined) =>
      element && Math.round(element.getBoundingClientRect().y);
    return {
      focused: yOf(reader.element),
      hasFocus: reader.element === document.activeElement,
      row: yOf(reader.row),
    };
  });
}

function once(work: () => Promise<unknown>): () => Promise<unknown> {
  let done: Promise<unknown> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

function userToken(): Promise<string> {
  const settings = {
    jwtSecret: Buffer.from(SECRET),
    jwks: undefined,
    jwtIssuer: undefined,
    jwtAudience: undefined,
  };
  return signToken("ann", 60, settings);
}

const SECRET = "a secret of the tests, 32 bytes and more";
const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TOKEN = "ingress-token-0123456789";
/** The user whose orders the shop shows first. */
const USER = "31337";
const SKU = 1002;
