/** Sign-in exchanges the operator token for a session cookie; sign-out ends the session. */
import { readBody } from "../../contract/body.ts";
import { NotAllowedError } from "../../contract/errors.ts";
import { answer, header, object, problems, TEXT } from "../../contract/openapi.ts";
import { type Request, type Route, sendJson } from "../../contract/route.ts";
import { isEqual } from "../../contract/values/secrets.ts";
import type { AccessGuards } from "./access.ts";
import { expiredCookie } from "./sessions.ts";

export function sessionRoutes({
  tokens: { adminToken },
  attempts,
  origins,
  sessions,
}: AccessGuards): Route[] {
  return [
    {
      method: "POST",
      path: "/session",
      access: "open",
      operation: {
        tags: ["pages"],
        summary: "Sign in",
        requestBody: { required: true, content: { "text/plain": { schema: TEXT } } },
        responses: {
          200: answer("signed in", object({ status: TEXT }), { "set-cookie": header("the session") }),
          ...problems(401, 413, 415, 429),
        },
      },
      handle: async (request, response) => {
        const given = await readToken(request);
        if (adminToken === undefined) return sendJson(response, 200, { status: "signed in" });
        if (!isEqual(given, adminToken)) {
          await attempts.count(request);
          throw new NotAllowedError("invalid token");
        }
        const cookie = sessions.begin(origins.isSecure(request));
        sendJson(response, 200, { status: "signed in" }, { "set-cookie": cookie });
      },
    },
    {
      method: "DELETE",
      path: "/session",
      access: "open",
      operation: {
        tags: ["pages"],
        summary: "Sign out: ends the session in every process",
        responses: {
          200: answer("signed out", object({ status: TEXT }), { "set-cookie": header("an expired cookie") }),
          ...problems(503),
        },
      },
      handle: async (request, response) => {
        const session = sessions.read(request);
        if (session) await sessions.end(session);
        sendJson(response, 200, { status: "signed out" }, { "set-cookie": expiredCookie() });
      },
    },
  ];
}

async function readToken(request: Request): Promise<string> {
  const body = await readBody(request, { bytesMax: TOKEN_BYTES_MAX });
  return body.toString("latin1").trim();
}

const TOKEN_BYTES_MAX = 1_024;
