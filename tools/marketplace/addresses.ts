/** What can be opened and called while the marketplace runs. */
import { TOKEN, type World } from "./world.ts";

export function addresses({ services, databases, redis, carts: [cart] }: World): string {
  const lines = services.map(
    ({ name, grpcUrl, url, logFile }) =>
      `  ${name.padEnd(9)} gRPC ${new URL(grpcUrl).host}, gateway ${url}, Swagger UI ${url}/docs, log ${logFile}\n`,
  );
  const stores = [...databases].map(([name, { serviceUrl }]) => `  ${name.padEnd(9)} ${serviceUrl}\n`);
  return `
The marketplace runs until Ctrl-C. Calls carry the token "${TOKEN}".
${lines.join("")}Databases, through PgBouncer:
${stores.join("")}Redis: ${redis.map(({ url }) => url).join(", ")}
Try:
  curl -H 'authorization: Bearer ${TOKEN}' -H 'content-type: application/json' \\
    -d '{"user": "31337", "sku": 773297411, "count": 2}' ${cart.url}/cart/item/add
  npx buf curl --protocol grpc --http2-prior-knowledge \\
    -H 'authorization: Bearer ${TOKEN}' -d '{"user": "31337"}' ${cart.grpcUrl}/marketplace.cart.v1.CartService/List
`;
}
