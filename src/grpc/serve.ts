/** What serves calls, to be loaded by processes that serve some. */
export { Health as HealthService } from "../proto/grpc/health/v1/health_pb.ts";
export { gatewayRoutes } from "./gateway/routes.ts";
export { Health } from "./health.ts";
export { proceduresOf } from "./procedure.ts";
export { addReflection } from "./reflection.ts";
export { GrpcServer } from "./server.ts";
