/**
 * Signing in on the page: the operator token is exchanged for a cookie that no script can read. Whoever gives wrong
 * tokens has to wait.
 */
import { NotAllowedError } from "../../contract/errors.ts";
import { answer, header, object, problems, TEXT } from "../../contract/openapi.ts";
import { type Request, type Route, sendJson } from "../../contract/route.ts";
import { expiredSessionCookie, isEqual, sessionCookie } from "./access.ts";
import type { Attempts } from "./attempts.ts";

export function sessionRoutes(adminToken: string | undefined, attempts: Attempts): Route[] {
  return [
    {
      method: "POST",
      path: "/session",
      access: "open",
      operation: {
        tags: ["pages"],
        summary: "Sign in on the page",
        requestBody: { required: true, content: { "text/plain": { schema: TEXT } } },
        responses: {
          200: answer("signed in", object({ status: TEXT }), { "set-cookie": header("the session") }),
          ...problems(401, 429),
        },
      },
      handle: async (request, response) => {
        const given = await readToken(request);
        if (adminToken !== undefined) {
          await attempts.check(request);
          if (!isEqual(given, adminToken)) {
            await attempts.fail(request);
            throw new NotAllowedError("this is not the token");
          }
        }
        const headers = adminToken === undefined ? {} : { "set-cookie": sessionCookie(adminToken) };
        sendJson(response, 200, { status: "signed in" }, headers);
      },
    },
    {
      method: "DELETE",
      path: "/session",
      access: "open",
      operation: {
        tags: ["pages"],
        summary: "Sign out",
        responses: {
          200: answer("signed out", object({ status: TEXT }), { "set-cookie": header("none any more") }),
        },
      },
      handle: (_request, response) =>
        sendJson(response, 200, { status: "signed out" }, { "set-cookie": expiredSessionCookie() }),
    },
  ];
}

/** The body is the token as plain text. */
async function readToken(request: Request): Promise<string> {
  let text = "";
  for await (const chunk of request as AsyncIterable<Buffer>) {
    text += chunk.toString("latin1");
    if (text.length > TOKEN_LENGTH_MAX) throw new NotAllowedError("this is not the token");
  }
  return text.trim();
}

const TOKEN_LENGTH_MAX = 1_024;
