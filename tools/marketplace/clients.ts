/** Clients of the marketplace, as any gRPC client would call it, and what they make of answers. */
import type { DescService } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { CartService } from "../../src/proto/marketplace/cart/v1/cart_pb.ts";
import { LomsService } from "../../src/proto/marketplace/loms/v1/loms_pb.ts";
import { ProductService } from "../../src/proto/marketplace/product/v1/product_pb.ts";
import { TOKEN, type World } from "./world.ts";

export type Clients = Readonly<{
  product: Client<typeof ProductService>;
  loms: Client<typeof LomsService>;
  /** One for each process of cart. */
  carts: readonly [Client<typeof CartService>, Client<typeof CartService>];
}>;

export function connectTo({ product, loms, carts }: World): Clients {
  const [first, second] = carts;
  return {
    product: clientOf(ProductService, product.grpcUrl),
    loms: clientOf(LomsService, loms.grpcUrl),
    carts: [clientOf(CartService, first.grpcUrl), clientOf(CartService, second.grpcUrl)],
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

/**
 * Makes a call again while its outcome is unknown: under the same `idempotency-key` it is the same command, which takes
 * effect once.
 * @throws ConnectError the status of the last attempt.
 */
export async function untilAnswered<Answer>(
  call: (options: Readonly<{ headers: Record<string, string> }>) => Promise<Answer>,
): Promise<Answer> {
  const options = { headers: { "idempotency-key": crypto.randomUUID() } };
  for (let attempt = 1; ; attempt++) {
    try {
      return await call(options);
    } catch (error) {
      if (attempt >= ATTEMPTS_MAX || !UNKNOWN_OUTCOMES.includes(ConnectError.from(error).code)) throw error;
    }
  }
}

const UNKNOWN_OUTCOMES: readonly Code[] = [Code.Unavailable, Code.DeadlineExceeded];
const ATTEMPTS_MAX = 5;

/** A loaded machine takes its time. */
const CALL_TIMEOUT_MS = 60_000;
