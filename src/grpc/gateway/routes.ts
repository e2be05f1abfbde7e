/**
 * The gateway: a route for each procedure with a `google.api.http` option. A request becomes the same message as over gRPC,
 * the same procedure answers in this process, and JSON leaves.
 */
import type { ServerResponse } from "node:http";
import { create, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, createHandlerContext } from "@connectrpc/connect";
import { CallFailedError } from "../../contract/errors.ts";
import { goneSignal, type Request, type Route, sendJson } from "../../contract/route.ts";
import { DEADLINE_DEFAULT_MS } from "../deadline.ts";
import type { Procedure } from "../procedure.ts";
import { failureOf, nameOf } from "../status.ts";
import { type Binding, bindingsOf } from "./binding.ts";
import { operationOf } from "./operation.ts";
import { readRequest } from "./request.ts";

export function gatewayRoutes(domain: string, procedures: readonly Procedure[], bytesMax: number): Route[] {
  return procedures.flatMap((procedure) =>
    bindingsOf(procedure.method).map(
      (binding): Route => ({
        method: binding.httpMethod,
        path: binding.path,
        access: "ingress",
        operation: operationOf(domain, procedure.method, binding),
        otherParameters: binding.queryFields.map(({ jsonName }) => jsonName),
        handle: (request, response) => call(procedure, binding, bytesMax, request, response),
      }),
    ),
  );
}

async function call(
  { method, answer }: Procedure,
  binding: Binding,
  bytesMax: number,
  request: Request,
  response: ServerResponse,
): Promise<void> {
  const message = await readRequest(request, method, binding, bytesMax);
  const context = createHandlerContext({
    service: method.parent,
    method,
    protocolName: "http",
    requestMethod: request.method ?? "",
    url: request.url ?? "",
    timeoutMs: DEADLINE_DEFAULT_MS,
    requestSignal: goneSignal(response),
    requestHeader: metadataOf(request, response),
  });
  try {
    const answered = create(method.output, await answer(message, context));
    sendJson(
      response,
      200,
      toJson(method.output, answered, { useProtoFieldName: true, alwaysEmitImplicit: true }),
    );
  } catch (error) {
    const failure = ConnectError.from(error, Code.Internal);
    throw new CallFailedError(nameOf(failure.code), failure.rawMessage, failureOf(failure));
  } finally {
    context.abort();
  }
}

/** Only the headers that procedures use. */
function metadataOf({ headers }: Request, response: ServerResponse): Headers {
  const metadata = new Headers();
  for (const name of METADATA) {
    const value = headers[name];
    if (typeof value === "string") metadata.set(name, value);
  }
  // The id that the HTTP server gave to the answer.
  const { requestId } = response as ServerResponse & { requestId?: string };
  if (requestId !== undefined) metadata.set("x-request-id", requestId);
  return metadata;
}

const METADATA = ["authorization", "idempotency-key", "traceparent"];
