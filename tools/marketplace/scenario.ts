/**
 * What a user does, step by step, against the running services: each step says what it did and what came back. A step
 * with another answer than the expected one is a problem; the other steps still run.
 */
import { Code } from "@connectrpc/connect";
import { CartService } from "../../src/proto/marketplace/cart/v1/cart_pb.ts";
import { type Clients, clientOf } from "./clients.ts";
import { Steps } from "./steps.ts";
import { TOKEN, type World } from "./world.ts";

/** @param say is told of each step. @returns what was not as expected. */
export async function runScenario(
  world: World,
  clients: Clients,
  say: (text: string) => void,
): Promise<string[]> {
  const steps = new Steps(say);
  await browse(steps, clients);
  await buy(steps, clients);
  await changeMind(steps, clients);
  await comeTooLate(steps, clients);
  await hear(steps, clients);
  await refuse(steps, world, clients);
  await useGateway(steps, world);
  return steps.problems;
}

async function browse(steps: Steps, { product, loms }: Clients): Promise<void> {
  const { skus } = await steps.answers(
    "product.ListSkus",
    product.listSkus({ count: 1_000 }),
    ({ skus }) => `${skus.length} products`,
  );
  steps.holds("the catalogue is there", skus.includes(SNEAKERS) && skus.includes(BOOK));
  const { price } = await steps.answers(
    "product.GetProduct",
    product.getProduct({ sku: SNEAKERS }),
    ({ name, price }) => `${name} ${price}`,
  );
  steps.holds("the price is that of the catalogue", price === SNEAKERS_PRICE);
  await steps.answers(
    "loms.StockInfo",
    loms.stockInfo({ sku: SNEAKERS }),
    ({ count }) => `${count} in stock`,
  );
}

/** Adds through one process of cart, looks through the other, checks out through both at once, and pays. */
async function buy(steps: Steps, { loms, carts: [one, other] }: Clients): Promise<void> {
  const before = await loms.stockInfo({ sku: SNEAKERS });
  await steps.answers("cart.ItemAdd", one.itemAdd({ user: USER, sku: SNEAKERS, count: 1 }));
  await steps.answers("cart.ItemAdd", other.itemAdd({ user: USER, sku: SNEAKERS, count: 1 }));
  await steps.answers("cart.ItemAdd", one.itemAdd({ user: USER, sku: BOOK, count: 1 }));
  const { totalPrice } = await steps.answers(
    "cart.List",
    other.list({ user: USER }),
    ({ items, totalPrice }) =>
      `${items.map(({ count, name }) => `${count} ${name}`).join(", ")}, total ${totalPrice}`,
  );
  steps.holds("the total is the sum", totalPrice === BigInt(2 * SNEAKERS_PRICE + BOOK_PRICE));

  // A caller that got no answer asks again, and the other process may answer.
  const again = { headers: { "idempotency-key": crypto.randomUUID() } };
  const [first, second] = await Promise.all(
    [one, other].map((cart) =>
      steps.answers(
        "cart.Checkout",
        cart.checkout({ user: USER }, again),
        ({ orderId }) => `order ${orderId}`,
      ),
    ),
  );
  const orderId = first?.orderId ?? 0n;
  steps.holds(
    "one checkout, asked for twice at once, is one order",
    orderId > 0n && second?.orderId === orderId,
  );
  await steps.refuses("cart.List", other.list({ user: USER }), Code.NotFound, "the cart is empty");
  const { status } = await steps.answers(
    "loms.OrderInfo",
    loms.orderInfo({ orderId }),
    ({ status }) => status,
  );
  steps.holds("it awaits payment", status === "awaiting payment");
  const after = await steps.answers(
    "loms.StockInfo",
    loms.stockInfo({ sku: SNEAKERS }),
    ({ count }) => `${count} in stock`,
  );
  steps.holds("its items are reserved", after.count === before.count - 2n);

  await steps.answers("loms.OrderPay", loms.orderPay({ orderId }));
  await steps.answers("loms.OrderPay", loms.orderPay({ orderId }), () => "already payed");
  const payed = await loms.orderInfo({ orderId });
  steps.holds("it is payed", payed.status === "payed");
  await steps.refuses(
    "loms.OrderCancel",
    loms.orderCancel({ orderId }),
    Code.FailedPrecondition,
    "it is payed",
  );
}

async function changeMind(steps: Steps, { loms, carts: [cart] }: Clients): Promise<void> {
  const before = await loms.stockInfo({ sku: BOOK });
  await steps.answers("cart.ItemAdd", cart.itemAdd({ user: USER, sku: BOOK, count: 3 }));
  await steps.answers(
    "cart.ItemDelete",
    cart.itemDelete({ user: USER, sku: SNEAKERS }),
    () => "none was there",
  );
  const { orderId } = await steps.answers(
    "cart.Checkout",
    cart.checkout({ user: USER }),
    ({ orderId }) => `order ${orderId}`,
  );
  await steps.answers("loms.OrderCancel", loms.orderCancel({ orderId }));
  await steps.refuses(
    "loms.OrderPay",
    loms.orderPay({ orderId }),
    Code.FailedPrecondition,
    "it is cancelled",
  );
  const after = await loms.stockInfo({ sku: BOOK });
  steps.holds("its items are in stock again", after.count === before.count);
}

/** Two users fill their carts with more than there is together; the last to check out gets a failed order. */
async function comeTooLate(steps: Steps, { loms, carts: [one, other] }: Clients): Promise<void> {
  const { count } = await loms.stockInfo({ sku: SCARCE });
  const most = Number(count) - 1;
  await steps.answers("cart.ItemAdd", one.itemAdd({ user: USER, sku: SCARCE, count: most }));
  await steps.answers("cart.ItemAdd", other.itemAdd({ user: RIVAL, sku: SCARCE, count: most }));
  const { orderId } = await steps.answers(
    "cart.Checkout",
    one.checkout({ user: USER }),
    ({ orderId }) => `order ${orderId}`,
  );
  await steps.refuses(
    "cart.Checkout",
    other.checkout({ user: RIVAL }),
    Code.FailedPrecondition,
    "too little is left",
  );
  const failed = await steps.answers(
    "loms.OrderInfo",
    loms.orderInfo({ orderId: orderId + 1n }),
    ({ status }) => status,
  );
  steps.holds("the order of the late one is kept as failed", failed.status === "failed");
  const { count: left } = await loms.stockInfo({ sku: SCARCE });
  steps.holds("it has reserved nothing", left === 1n);
  await steps.answers("loms.OrderCancel", loms.orderCancel({ orderId }));
  await steps.answers("cart.Clear", other.clear({ user: RIVAL }));
}

/** Every user is told what became of their orders, over outbox, Kafka and notifications. */
async function hear(steps: Steps, { notifications, loms }: Clients): Promise<void> {
  const heard = async (user: bigint) => (await notifications.list({ user })).messages;
  await steps.becomes("the rival hears of the failed order", async () => {
    const statuses = (await heard(RIVAL)).map(({ status }) => status);
    return statuses.join() === "new,failed";
  });
  const [first] = await heard(USER);
  const orderId = first?.orderId ?? 0n;
  const { changes } = await steps.answers(
    "loms.OrderHistory",
    loms.orderHistory({ orderId }),
    ({ changes }) => changes.map(({ status }) => status).join(", "),
  );
  const statuses = (await heard(USER))
    .filter((message) => message.orderId === orderId)
    .map(({ status }) => status);
  steps.holds(
    "notifications.List says the same of this order",
    statuses.join() === changes.map(({ status }) => status).join(),
  );
}

async function refuse(
  steps: Steps,
  { carts }: World,
  { product, loms, carts: [cart] }: Clients,
): Promise<void> {
  const { FailedPrecondition, InvalidArgument, NotFound, Unauthenticated } = Code;
  const add = (sku: number, count: number) => cart.itemAdd({ user: USER, sku, count });
  await steps.refuses("cart.ItemAdd", add(UNKNOWN, 1), FailedPrecondition, "no such product");
  await steps.refuses("cart.ItemAdd", add(SNEAKERS, 60_000), FailedPrecondition, "more than there is");
  await steps.refuses(
    "cart.ItemAdd",
    add(UNSTOCKED, 1),
    FailedPrecondition,
    "more is reserved than there is",
  );
  await steps.refuses("cart.ItemAdd", add(SNEAKERS, 0), InvalidArgument, "none of it");
  await steps.refuses(
    "cart.Checkout",
    cart.checkout({ user: USER }),
    FailedPrecondition,
    "the cart is empty",
  );
  await steps.refuses(
    "product.GetProduct",
    product.getProduct({ sku: UNKNOWN }),
    NotFound,
    "no such product",
  );
  await steps.refuses("loms.StockInfo", loms.stockInfo({ sku: UNKNOWN }), NotFound, "no such stock");
  await steps.refuses("loms.OrderInfo", loms.orderInfo({ orderId: 2n ** 62n }), NotFound, "no such order");
  const stranger = clientOf(CartService, carts[0].grpcUrl, "a wrong token");
  await steps.refuses("cart.List", stranger.list({ user: USER }), Unauthenticated, "a wrong token");
}

/** The same over HTTP and JSON, where 64 bits are a string. */
async function useGateway(steps: Steps, { carts: [cart], product, loms }: World): Promise<void> {
  const post = async (url: string, body: object, token = TOKEN) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const gets = async (url: string) =>
    (await fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } })).status;
  const user = String(USER);
  const expect = (request: string, status: number, expected: number) =>
    steps.holds(`${request} answers ${expected}`, status === expected);
  expect("GET /product/{sku}", await gets(`${product.url}/product/${SNEAKERS}`), 200);
  const added = await post(`${cart.url}/cart/item/add`, { user, sku: SNEAKERS, count: 1 });
  expect("POST /cart/item/add", added.status, 200);
  const listed = await post(`${cart.url}/cart/list`, { user });
  expect("POST /cart/list", listed.status, 200);
  steps.holds("its total is a string", listed.body.total_price === `${SNEAKERS_PRICE}`);
  expect("POST /cart/clear", (await post(`${cart.url}/cart/clear`, { user })).status, 200);
  expect("POST /cart/list of an empty cart", (await post(`${cart.url}/cart/list`, { user })).status, 404);
  expect("POST /cart/checkout", (await post(`${cart.url}/cart/checkout`, { user })).status, 412);
  expect(
    "POST /order/info of order 0",
    (await post(`${loms.url}/order/info`, { order_id: "0" })).status,
    400,
  );
  expect(
    "POST /cart/list with a wrong token",
    (await post(`${cart.url}/cart/list`, { user }, "no")).status,
    401,
  );
}

const USER = 31_337n;
const RIVAL = 31_338n;
const SNEAKERS = 773_297_411;
const SNEAKERS_PRICE = 2_202;
const BOOK = 1_076_963;
const BOOK_PRICE = 3_379;
/** In stock, and bought up by the scenario for a while. */
const SCARCE = 1_002;
/** More of it is reserved than there is. */
const UNSTOCKED = 139_818_428;
const UNKNOWN = 4_000_000_001;
