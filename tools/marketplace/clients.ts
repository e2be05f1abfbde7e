/** Clients of the marketplace, as any gRPC client would call it, and how they read answers. */
import { setTimeout as delay } from "node:timers/promises";
import type { DescService } from "@bufbuild/protobuf";
import { type CallOptions, type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { CartService } from "../../src/proto/marketplace/cart/v1/cart_pb.ts";
import { LomsService } from "../../src/proto/marketplace/loms/v1/loms_pb.ts";
import { NotificationsService } from "../../src/proto/marketplace/notifications/v1/notifications_pb.ts";
import { ProductService } from "../../src/proto/marketplace/product/v1/product_pb.ts";
import { TOKEN, type World } from "./world.ts";

export type CartClient = Client<typeof CartService>;
export type LomsClient = Client<typeof LomsService>;

export type Clients = Readonly<{
  product: Client<typeof ProductService>;
  loms: LomsClient;
  /** One for each process of loms; the first one is `loms`. */
  allLoms: readonly LomsClient[];
  /** One for each process of cart. */
  carts: readonly [CartClient, CartClient];
  notifications: Client<typeof NotificationsService>;
}>;

export function connectTo({ product, loms, services, carts, notifications }: World): Clients {
  const first = clientOf(LomsService, loms.grpcUrl);
  const others = services
    .filter((service) => service.domain === "loms" && service !== loms)
    .map(({ grpcUrl }) => clientOf(LomsService, grpcUrl));
  const [cart, otherCart] = carts;
  return {
    product: clientOf(ProductService, product.grpcUrl),
    loms: first,
    allLoms: [first, ...others],
    carts: [clientOf(CartService, cart.grpcUrl), clientOf(CartService, otherCart.grpcUrl)],
    notifications: clientOf(NotificationsService, notifications.grpcUrl),
  };
}

/** @param token what the calls carry; none if it is undefined. */
export function clientOf<Service extends DescService>(
  service: Service,
  baseUrl: string,
  token: string | undefined = TOKEN,
): Client<Service> {
  const transport = createGrpcTransport({
    baseUrl,
    defaultTimeoutMs: CALL_TIMEOUT_MS,
    interceptors: [
      (next) => (request) => {
        if (token !== undefined) request.header.set("authorization", `Bearer ${token}`);
        return next(request);
      },
    ],
  });
  return createClient(service, transport);
}

/** The status of a call that failed; undefined if it succeeded. */
export async function codeOf(call: Promise<unknown>): Promise<Code | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return ConnectError.from(error).code;
  }
}

/** When and for how long a caller repeats a call. */
export type Patience = Readonly<{
  /** Of one attempt. */
  timeoutMs: number;
  /** No attempt begins later than so long after the first. */
  seconds: number;
  /** Whether the call may have taken effect or not: then it is repeated. */
  isUnknown: (code: Code) => boolean;
}>;

/** For servers that run all the time, on a loaded machine. */
export const CALM: Patience = {
  timeoutMs: 60_000,
  seconds: 120,
  isUnknown: (code) => code === Code.Unavailable || code === Code.DeadlineExceeded,
};

/** For servers that die and hang. A call through a broken connection can end with almost any status. */
export const STUBBORN: Patience = {
  timeoutMs: 4_000,
  seconds: 180,
  isUnknown: (code) => !ANSWERS.includes(code),
};

/**
 * Repeats a call while its outcome is unknown, with the next process each time: under the same `idempotency-key` it is the
 * same command, which takes effect once.
 * @param clients one for each process that can answer; the first one is called first.
 * @throws ConnectError the status of the last attempt.
 */
export async function untilAnswered<One, Answer>(
  clients: readonly One[],
  call: (client: One, options: CallOptions) => Promise<Answer>,
  { timeoutMs, seconds, isUnknown }: Patience,
): Promise<Answer> {
  const options = { headers: { "idempotency-key": crypto.randomUUID() }, timeoutMs };
  const begun = performance.now();
  for (let attempt = 0; ; attempt++) {
    try {
      return await call(clients[attempt % clients.length] as One, options);
    } catch (error) {
      const isLate = performance.now() - begun > seconds * 1000;
      if (isLate || !isUnknown(ConnectError.from(error).code)) throw error;
    }
    await delay(PAUSE_MS);
  }
}

/** Statuses that the services give on purpose, and that say that nothing was changed. */
const ANSWERS: readonly Code[] = [
  Code.FailedPrecondition,
  Code.NotFound,
  Code.InvalidArgument,
  Code.AlreadyExists,
  Code.OutOfRange,
  Code.Unauthenticated,
  Code.PermissionDenied,
  Code.Unimplemented,
];
/** A service that starts refuses connections at once: without a pause its callers would need the processor that it needs. */
const PAUSE_MS = 100;
/** A loaded machine takes its time. */
const CALL_TIMEOUT_MS = 60_000;
