/**
 * Serves the web pages from files, without a build step. A page file holds title, script and `<main>`; the shell adds
 * the rest. Engine pages are `/ui/<file>`; a domain's pages stand in its folder and are served under `/ui/<domain>/`.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import sirv from "sirv";
import type { DomainPage } from "../contract/domain.ts";
import { NotFoundError } from "../contract/errors.ts";
import {
  answer,
  arrayOf,
  bytes,
  inPath,
  named,
  type Operation,
  object,
  problems,
  TEXT,
} from "../contract/openapi.ts";
import { type Request, type Route, sendJson } from "../contract/route.ts";
import { inShell, type NavigationEntry } from "./shell.ts";

export type PageOfDomain = DomainPage & Readonly<{ domain: string }>;

/** @param pages in navigation order; engine pages follow them. */
export function pageRoutes(pages: readonly PageOfDomain[]): Route[] {
  const entries: NavigationEntry[] = [
    ...pages.map(({ domain, title }) => ({ title, path: pathOf(domain), domain })),
    ...ENGINE_ENTRIES,
  ];
  const engine = folderRoute(new URL("ui/", import.meta.url), entries);
  const docs = folderRoute(new URL("ui/", import.meta.url), entries, DOCS_POLICY, "/ui/docs.css");
  const folders = new Map(pages.map(({ domain, folder }) => [domain, folderRoute(folder, entries)]));
  const charts = fileRoute(CHARTS_FOLDER, PAGE_POLICY);

  const domainFile = (request: Request, response: ServerResponse, domain: string, file: string) => {
    const serve = folders.get(domain);
    if (!serve) throw new NotFoundError("there is no such file");
    return serve(request, response, file, pathOf(domain));
  };
  return [
    {
      method: "GET",
      path: "/",
      access: "open",
      kind: "page",
      operation: PAGE,
      handle: (request, response) => {
        const [first] = pages;
        return first
          ? domainFile(request, response, first.domain, "index")
          : engine(request, response, "status", "/ui/status");
      },
    },
    {
      method: "GET",
      path: "/docs",
      access: "open",
      kind: "page",
      operation: DOCS,
      handle: (request, response) => docs(request, response, "docs", "/docs"),
    },
    {
      method: "GET",
      path: "/pages.json",
      access: "open",
      kind: "page",
      operation: PAGES,
      handle: (_request, response) => sendJson(response, 200, entries),
    },
    {
      method: "GET",
      path: "/ui/charts/:file",
      access: "open",
      kind: "page",
      operation: FILE,
      handle: (request, response) => charts(request, response, `/${request.params.file}`),
    },
    {
      method: "GET",
      path: "/ui/:file",
      access: "open",
      kind: "page",
      operation: FILE_OR_DOMAIN,
      handle: (request, response) => {
        const { file = "" } = request.params;
        return folders.has(file)
          ? domainFile(request, response, file, "index")
          : engine(request, response, file, `/ui/${file}`);
      },
    },
    {
      method: "GET",
      path: "/ui/:domain/:file",
      access: "open",
      kind: "page",
      operation: DOMAIN_FILE,
      handle: (request, response) => {
        const { domain = "", file = "" } = request.params;
        return domainFile(request, response, domain, file);
      },
    },
  ];
}

/** Page files get the shell, other files are unchanged. */
function folderRoute(
  folder: URL,
  entries: readonly NavigationEntry[],
  policy = PAGE_POLICY,
  stylesheet?: string,
) {
  const files = fileRoute(fileURLToPath(folder), policy);
  return async (request: Request, response: ServerResponse, name: string, current: string): Promise<void> => {
    const page = await readPage(folder, name);
    if (page === undefined) files(request, response, `/${name}`);
    else sendPage(request, response, inShell(page, entries, current, stylesheet), policy);
  };
}

/** @returns undefined if there is no such page or it is a complete document. */
async function readPage(folder: URL, name: string): Promise<string | undefined> {
  const [, base] = PAGE_NAME.exec(name) ?? [];
  if (base === undefined) return undefined;
  try {
    const text = await readFile(new URL(`${base}.html`, folder), "utf8");
    return text.startsWith("<!doctype") ? undefined : text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function sendPage(request: Request, response: ServerResponse, page: string, policy: string): void {
  const etag = `"${createHash("sha256").update(page).digest("base64url").slice(0, 22)}"`;
  const known = (request.headers["if-none-match"] ?? "").split(",");
  const isKnown = known.some((candidate) => candidate.trim().replace(/^W\//, "") === etag);
  response.writeHead(isKnown ? 304 : 200, {
    ...headersWith(policy),
    etag,
    ...(isKnown
      ? {}
      : { "content-type": "text/html;charset=utf-8", "content-length": Buffer.byteLength(page) }),
  });
  response.end(isKnown ? undefined : page);
}

export function fileRoute(folder: string, policy: string) {
  const serve = sirv(folder, {
    dev: true,
    etag: true,
    extensions: ["html"],
  });
  return (request: Request, response: ServerResponse, path: string): void => {
    // Also for a 304: browsers apply its headers to the cached page.
    for (const [name, value] of Object.entries(headersWith(policy))) response.setHeader(name, value);
    const fileRequest = { url: path, headers: request.headers } as Request;
    serve(fileRequest, response, () => {
      throw new NotFoundError("there is no such file");
    });
  };
}

const headersWith = (policy: string) => ({
  "content-security-policy": policy,
  "cache-control": "no-cache",
  "referrer-policy": "no-referrer",
});

const pathOf = (domain: string) => `/ui/${domain}/`;

/** The extension `.html` is optional. */
const PAGE_NAME = /^([a-z][a-z0-9-]*)(?:\.html)?$/;

const ENGINE_ENTRIES: readonly NavigationEntry[] = [
  { title: "Status", path: "/ui/status" },
  { title: "Dead letters", path: "/ui/dead-letters" },
  { title: "Find", path: "/ui/dead-letter-list" },
  { title: "Actions", path: "/ui/actions" },
  { title: "API", path: "/docs" },
];

const PAGE: Operation = {
  tags: ["pages"],
  summary: "The web page of the first domain",
  responses: { 200: bytes("the page", "text/html"), 304: { description: "not modified" } },
};

const DOCS: Operation = { ...PAGE, summary: "This document in Swagger UI" };

const PAGES: Operation = {
  tags: ["pages"],
  summary: "The web pages in navigation order",
  responses: {
    200: answer(
      "the pages; `domain` is present on a domain's page",
      named("Pages", arrayOf(object({ title: TEXT, path: TEXT }, { domain: TEXT }))),
    ),
  },
};

const FILE: Operation = {
  tags: ["pages"],
  summary: "A file of the chart library",
  parameters: [inPath("file", "file name", TEXT)],
  responses: {
    200: {
      description: "the file",
      content: { "text/html": {}, "text/javascript": {}, "text/css": {}, "image/svg+xml": {} },
    },
    304: { description: "not modified" },
    ...problems(400, 404),
  },
};

const FILE_OR_DOMAIN: Operation = {
  ...FILE,
  summary: "An engine page, one of its files, or a domain's page",
  parameters: [inPath("file", "page, file or domain name", TEXT)],
};

const DOMAIN_FILE: Operation = {
  ...FILE,
  summary: "A domain's page, or one of its files",
  parameters: [inPath("domain", "domain name", TEXT), inPath("file", "file name", TEXT)],
};

const CHARTS_FOLDER = dirname(fileURLToPath(import.meta.resolve("uplot")));

/** Only files of this origin; nothing inline, no frames. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];

const PAGE_POLICY = POLICY.join("; ");

/** Swagger UI's style sheet has icons as `data:` images. */
export const DOCS_POLICY = POLICY.map((rule) => (rule.startsWith("img-src") ? `${rule} data:` : rule)).join(
  "; ",
);
