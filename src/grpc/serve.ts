/** Everything that serves calls; processes without procedures do not load it. */
export { Health as HealthService } from "../proto/grpc/health/v1/health_pb.ts";
export { gatewayRoutes } from "./gateway/routes.ts";
export { Health } from "./health.ts";
export { proceduresOf } from "./procedure.ts";
export { addReflection } from "./reflection.ts";
export { CALL_BYTES_MAX, GrpcServer } from "./server.ts";
