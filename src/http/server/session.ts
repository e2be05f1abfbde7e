/** Sign-in exchanges an operator's or reader's token for a session cookie; sign-out ends the session. */
import { ROLES } from "../../config/operators-file.ts";
import { readBody } from "../../contract/body.ts";
import { NotAllowedError } from "../../contract/errors.ts";
import { answer, header, named, nullable, object, oneOf, problems, TEXT } from "../../contract/openapi.ts";
import { type Request, type Route, sendJson } from "../../contract/route.ts";
import { type AccessGuards, identify } from "./access.ts";
import { expiredCookie } from "./sessions.ts";

export function sessionRoutes(guards: AccessGuards): Route[] {
  const { tokens, attempts, origins, sessions } = guards;
  return [
    {
      method: "GET",
      path: "/session",
      access: "open",
      operation: {
        tags: ["pages"],
        summary: "Who is signed in, by a session or a bearer token",
        responses: {
          200: answer(
            "`role` is null without a valid token; `name` is null without a named one: then actions need an author",
            named("Session", object({ name: nullable(TEXT), role: nullable(oneOf(...ROLES)) })),
          ),
          ...problems(503),
        },
      },
      handle: async (request, response) => {
        const caller = await identify(request, guards);
        const anonymous = tokens.anonymousRights.includes("act") ? "operator" : null;
        sendJson(response, 200, { name: caller?.name ?? null, role: caller?.role ?? anonymous });
      },
    },
    {
      method: "POST",
      path: "/session",
      access: "open",
      operation: {
        tags: ["pages"],
        summary: "Sign in",
        requestBody: { required: true, content: { "text/plain": { schema: TEXT } } },
        responses: {
          200: answer("signed in", SESSION_STATE, { "set-cookie": header("the session") }),
          ...problems(401, 413, 415, 429, 503),
        },
      },
      handle: async (request, response) => {
        const given = await readToken(request);
        if (tokens.anonymousRights.includes("act")) return sendJson(response, 200, { status: "signed in" });
        const caller = tokens.callerOf(given);
        if (!caller?.rights.includes("read")) {
          if (caller?.name !== undefined)
            throw new NotAllowedError("the token is valid, but its role cannot use the pages");
          await attempts.count(request);
          throw new NotAllowedError("invalid token");
        }
        const cookie = await sessions.begin(caller, origins.isSecure(request));
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
          200: answer("signed out", SESSION_STATE, { "set-cookie": header("an expired cookie") }),
          ...problems(503),
        },
      },
      handle: async (request, response) => {
        await sessions.end(request);
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

const SESSION_STATE = named("SessionState", object({ status: TEXT }));
