/**
 * Remote procedure calls, as a domain sees them: what it serves and whom it calls. A service is described by its `.proto`
 * alone: validation, HTTP routes and the API document come from there. Everything else (deadlines, access, metrics,
 * traces, retries) is the platform's, in `grpc/`.
 *
 * A call that a handler makes belongs to the call that it answers: it carries the same token, request id and trace, has
 * what is left of its deadline, and ends with it.
 */
import type { DescService } from "@bufbuild/protobuf";
import type { Client, HandlerContext, ServiceImpl } from "@connectrpc/connect";

/** What a handler knows of its call beside the request: deadline, metadata, and a signal that ends with the caller. */
export type RpcCall = HandlerContext;

/** A service with what answers its calls. */
export type RpcService = Readonly<{ service: DescService; implementation: ServiceImpl<DescService> }>;

/**
 * @param service all of its procedures are unary: streams are not served.
 * @param implementation one function for each procedure. The request has passed the rules of the `.proto`. What it throws
 * of errors.ts becomes a status; anything else becomes INTERNAL without detail.
 */
export function served<Service extends DescService>(
  service: Service,
  implementation: ServiceImpl<Service>,
): RpcService {
  return { service, implementation: implementation as ServiceImpl<DescService> };
}

/**
 * Opens a client. Its calls throw errors of errors.ts: UpstreamError for a status of the other service, UnavailableError
 * if it is away or does not answer (DeadlineError, which is one, if there was no time left), TooManyCallsError if the
 * limit has no room before the deadline. Without a deadline of the caller, a call has 30 s.
 */
export type OpenRpcClient = <Service extends DescService>(
  service: Service,
  options: RpcClientOptions,
) => Promise<Client<Service>>;

export type RpcClientOptions = Readonly<{
  /** Address of the other service, such as `http://127.0.0.1:50051`. */
  url: string;
  /** The token of calls that no caller began, such as those of work in the background. */
  token?: string | undefined;
  /**
   * Whether the calls belong to no caller, whoever set them in motion: for work that must go on when the caller hangs
   * up, such as a reading that several callers wait for. They carry `token`.
   */
  isDetached?: boolean;
  /** No more than so many calls in any second, over all processes with the same database. */
  limit?: Readonly<{ name: string; perSecond: number }>;
}>;
