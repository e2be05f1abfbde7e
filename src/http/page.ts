/**
 * The web page: plain files from `ui/`, served as they are on disk, so that changing them needs no build. Signing in
 * exchanges the operator token for a cookie that no script can read.
 */
import { fileURLToPath } from "node:url";
import sirv from "sirv";
import { NotAllowedError, NotFoundError } from "../errors.ts";
import { expiredSessionCookie, isEqual, sessionCookie } from "./access.ts";
import { type Request, type Route, sendJson } from "./route.ts";

export function pageRoutes(adminToken: string | undefined): Route[] {
  const files = sirv(fileURLToPath(new URL("ui", import.meta.url)), {
    dev: true,
    etag: true,
    setHeaders: (response) => {
      response.setHeader("content-security-policy", PAGE_POLICY);
      response.setHeader("cache-control", "no-cache");
      response.setHeader("referrer-policy", "no-referrer");
    },
  });
  const file = (path: string): Route => ({
    method: "GET",
    path,
    access: "open",
    handle: (request, response) => {
      files(request, response, () => {
        throw new NotFoundError("this file of the page is missing");
      });
    },
  });
  return [
    ...["/", "/page.js", "/page.css", "/order-view.js", "/icon.svg"].map(file),
    ...sessionRoutes(adminToken),
  ];
}

function sessionRoutes(adminToken: string | undefined): Route[] {
  return [
    {
      method: "POST",
      path: "/session",
      access: "open",
      handle: async (request, response) => {
        const given = await readToken(request);
        if (adminToken !== undefined && !isEqual(given, adminToken))
          throw new NotAllowedError("this is not the token");
        const headers = adminToken === undefined ? {} : { "set-cookie": sessionCookie(adminToken) };
        sendJson(response, 200, { status: "signed in" }, headers);
      },
    },
    {
      method: "DELETE",
      path: "/session",
      access: "open",
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

/** Scripts and styles from this origin's own files only, none inline; no frame, no other origin. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
