/** Intake: a body of any bytes becomes an inbox message; the answer follows its commit. */
import { readBody } from "../../contract/body.ts";
import { InvalidInputError, UnavailableError } from "../../contract/errors.ts";
import type { NewMessage, Receipt } from "../../contract/message.ts";
import {
  answer,
  header,
  named,
  type Operation,
  object,
  POSITION,
  problems,
  TEXT,
} from "../../contract/openapi.ts";
import { type IntakeDescription, type Request, type Route, sendJson } from "../../contract/route.ts";
import { normalTraceparent } from "../../telemetry/trace-context.ts";

export type IntakeOptions = Readonly<{
  payloadBytesMax: number;
  receive: (message: Omit<NewMessage, "messageId"> & { messageId?: string | undefined }) => Promise<Receipt>;
  hasRoomFor: (bytes: number) => boolean;
}>;

export function intakeRoute(
  { path, tag, summary, description, headers: stored = [] }: IntakeDescription,
  { payloadBytesMax, receive, hasRoomFor }: IntakeOptions,
): Route {
  // Bodies in transfer count against the byte budget too.
  let bytesArriving = 0;

  const readPayload = async (request: Request): Promise<Buffer> => {
    let bytesRead = 0;
    const onBytes = (bytes: number): void => {
      bytesRead += bytes;
      bytesArriving += bytes;
      if (!hasRoomFor(bytesArriving)) throw new UnavailableError("the inbox is full", RETRY_AFTER_SECONDS);
    };
    try {
      return await readBody(request, { bytesMax: payloadBytesMax, onBytes });
    } finally {
      bytesArriving -= bytesRead;
    }
  };

  return {
    method: "POST",
    path,
    access: "ingress",
    operation: {
      ...INTAKE,
      tags: [tag],
      summary,
      description,
      parameters: [...INTAKE.parameters, ...stored.map(parameterOf)],
    },
    handle: async (request, response) => {
      const messageId = readKey(request.headers["idempotency-key"]);
      const traceparent = readTraceparent(request.headers.traceparent);
      const headers = pick(request.headers, stored);
      const payload = await readPayload(request);
      const { position } = await receive({ messageId, payload, headers, traceparent });
      sendJson(response, 202, { position: String(position) }, { location: `/messages/${position}` });
    },
  };
}

function readKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === "string" && /^[\x20-\x7e]{1,255}$/.test(header)) return header;
  throw new InvalidInputError(
    "Idempotency-Key",
    "Idempotency-Key must have 1 to 255 printable ASCII characters",
  );
}

/** Node joins repeated headers by commas. */
function pick(all: Request["headers"], names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (all[name] === undefined ? [] : [[name, String(all[name])]])),
  );
}

function parameterOf(name: string) {
  return { name, in: "header" as const, description: "stored with the payload", schema: TEXT };
}

/** An invalid trace context is ignored. */
function readTraceparent(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? normalTraceparent(header) : undefined;
}

const INTAKE = {
  parameters: [
    {
      name: "Idempotency-Key",
      in: "header",
      description: "a retry with the same key and the same bytes returns the first position",
      schema: { type: "string", minLength: 1, maxLength: 255 },
    },
  ],
  requestBody: {
    description: "any bytes, without a Content-Encoding",
    content: { "application/octet-stream": {}, "application/json": {} },
  },
  responses: {
    202: answer("committed", named("Receipt", object({ position: POSITION })), {
      location: header("the message's history"),
    }),
    ...problems(400, 413, 415, 422),
  },
} satisfies Partial<Operation>;

const RETRY_AFTER_SECONDS = 2;
