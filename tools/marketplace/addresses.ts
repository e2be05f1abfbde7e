/** What can be opened and called while the marketplace runs. */
import { EVENTS_TOPIC } from "../../src/domains/loms/events.ts";
import { TOKEN, type World } from "./world.ts";

/** @param jaeger the address of Jaeger's page, if it runs. */
export function addresses(
  { services, databases, redis, kafka, carts: [cart], notifications }: World,
  jaeger?: string,
): string {
  const lines = services.map(
    ({ name, grpcUrl, url, logFile }) =>
      `  ${name.padEnd(13)} gRPC ${new URL(grpcUrl).host}, gateway ${url}, Swagger UI ${url}/docs, log ${logFile}\n`,
  );
  const stores = [...databases].map(([name, { serviceUrl }]) => `  ${name.padEnd(13)} ${serviceUrl}\n`);
  return `
The marketplace runs until Ctrl-C. Calls carry the token "${TOKEN}".
Shop page: ${cart.url}/ui/cart/
${lines.join("")}Databases, through PgBouncer:
${stores.join("")}Redis: ${redis.map(({ url }) => url).join(", ")}
Kafka: ${kafka.address}, topic ${EVENTS_TOPIC}
${jaeger === undefined ? "" : `Jaeger: ${jaeger}\n`}Try:
  curl -H 'authorization: Bearer ${TOKEN}' -H 'content-type: application/json' \\
    -d '{"user": "31337", "sku": 773297411, "count": 2}' ${cart.url}/cart/item/add
  curl -H 'authorization: Bearer ${TOKEN}' -H 'content-type: application/json' \\
    -d '{"user": "31337"}' ${notifications.url}/notifications/list
  npx buf curl --protocol grpc --http2-prior-knowledge \\
    -H 'authorization: Bearer ${TOKEN}' -d '{"user": "31337"}' ${cart.grpcUrl}/marketplace.cart.v1.CartService/List
`;
}
