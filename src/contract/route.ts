/** One route of the server: what it answers to, who may ask, and what answers. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Operation } from "./openapi.ts";

export type Request = IncomingMessage & {
  params: Record<string, string>;
  query: Record<string, string>;
  path: string;
  /** Whether the caller has an operator's rights; unknown on open routes. */
  isOperator?: boolean;
};

export type Access =
  /** Anybody. */
  | "open"
  /** ADMIN_TOKEN, where one is set. */
  | "operator"
  /** INGRESS_TOKEN, where one is set. */
  | "ingress"
  /** Either of them. */
  | "operator or ingress";

export type Route = Readonly<{
  method: "GET" | "POST" | "DELETE";
  /** A polka pattern; also the value of the metric's `route` label. */
  path: string;
  access: Access;
  /** What machines ask by any name, and pages, which hold no data: these are answered whatever the Host is. */
  kind?: "probe" | "page";
  /** How the API document describes it. */
  operation: Operation;
  /** Answers, or throws an error of errors.ts; anything else that is thrown becomes a 500 without detail. */
  handle: (request: Request, response: ServerResponse) => void | Promise<void>;
}>;

/** A route that stores any bytes as a message, as the API document shows it. */
export type IntakeDescription = Readonly<{ path: string; tag: string; summary: string; description: string }>;

/** Ends the response with a JSON value. */
export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", ...headers });
  response.end(JSON.stringify(value));
}
