/**
 * Remote procedure calls as a domain sees them. The `.proto` alone describes a service: validation, HTTP routes and the
 * API document follow from it. Deadlines, access, metrics, traces and retries are in `grpc/`. A handler's own calls
 * inherit the token, request id, trace and remaining deadline of its call, and end with it.
 */
import type { DescService } from "@bufbuild/protobuf";
import type { Client, HandlerContext, ServiceImpl } from "@connectrpc/connect";

/** Deadline, metadata, and a signal that aborts with the call. */
export type RpcCall = HandlerContext;

export type RpcService = Readonly<{ service: DescService; implementation: ServiceImpl<DescService> }>;

/**
 * @param service with unary procedures only.
 * @param implementation called with valid requests. Errors of errors.ts become a status; any other exception becomes
 * INTERNAL without detail.
 */
export function served<Service extends DescService>(
  service: Service,
  implementation: ServiceImpl<Service>,
): RpcService {
  return { service, implementation: implementation as ServiceImpl<DescService> };
}

/**
 * Calls throw UpstreamError for a status of the other service; UnavailableError if that is unreachable (DeadlineError
 * if the deadline passed); TooManyCallsError if the limit has no room before the deadline. Without a deadline, calls
 * get 30 s.
 */
export type OpenRpcClient = <Service extends DescService>(
  service: Service,
  options: RpcClientOptions,
) => Promise<Client<Service>>;

export type RpcClientOptions = Readonly<{
  /** Such as `http://127.0.0.1:50051`. */
  url: string;
  /** For calls without a caller, such as background work. */
  token?: string | undefined;
  /** Whether calls outlive their caller, such as a read that several callers share. They carry `token`. */
  isDetached?: boolean;
  /** Over all processes with the same database. */
  limit?: Readonly<{ name: string; perSecond: number }>;
}>;
