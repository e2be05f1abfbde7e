/**
 * The web pages: files as they are on disk, so that a change of one needs no build. A page file holds its title, its
 * script and its `<main>`; the shell around it is the same for all pages. The pages of a domain stand in the domain's
 * folder and are served under `/ui/<domain>/`; a page of the engine is `/ui/<file>`.
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
  type Operation,
  object,
  problems,
  TEXT,
} from "../contract/openapi.ts";
import { type Request, type Route, sendJson } from "../contract/route.ts";
import { inShell, type NavigationEntry } from "./shell.ts";

/** The page of a domain, and the files that it uses. */
export type PageOfDomain = DomainPage & Readonly<{ domain: string }>;

/** @param pages in the order of the navigation, in which they come before the pages of the engine. */
export function pageRoutes(pages: readonly PageOfDomain[]): Route[] {
  const entries: NavigationEntry[] = [
    ...pages.map(({ domain, title }) => ({ title, path: pathOf(domain), domain })),
    ...ENGINE_ENTRIES,
  ];
  const engine = folderRoute(new URL("ui/", import.meta.url), entries);
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

/** Serves a folder of pages: a page file inside the shell, any other file as it is. */
function folderRoute(folder: URL, entries: readonly NavigationEntry[]) {
  const files = fileRoute(fileURLToPath(folder), PAGE_POLICY);
  return async (request: Request, response: ServerResponse, name: string, current: string): Promise<void> => {
    const page = await readPage(folder, name);
    if (page === undefined) files(request, response, `/${name}`);
    else sendPage(request, response, inShell(page, entries, current));
  };
}

/** @returns the page file of this name; undefined if there is none, or if it is a whole document by itself. */
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

function sendPage(request: Request, response: ServerResponse, page: string): void {
  const etag = `"${createHash("sha256").update(page).digest("base64url").slice(0, 22)}"`;
  const known = (request.headers["if-none-match"] ?? "").split(",");
  const isKnown = known.some((candidate) => candidate.trim().replace(/^W\//, "") === etag);
  response.writeHead(isKnown ? 304 : 200, {
    ...headersWith(PAGE_POLICY),
    etag,
    ...(isKnown
      ? {}
      : { "content-type": "text/html;charset=utf-8", "content-length": Buffer.byteLength(page) }),
  });
  response.end(isKnown ? undefined : page);
}

/** Serves the files of a folder. @param policy the content security policy of its pages. */
export function fileRoute(folder: string, policy: string) {
  const serve = sirv(folder, {
    dev: true,
    etag: true,
    extensions: ["html"],
  });
  return (request: Request, response: ServerResponse, path: string): void => {
    // Before anything is decided: a browser takes the headers of a 304 for the page that it has.
    for (const [name, value] of Object.entries(headersWith(policy))) response.setHeader(name, value);
    // The address of a file is another one than its place in the folder.
    const asked = { url: path, headers: request.headers } as Request;
    serve(asked, response, () => {
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

/** A page is asked for without its extension; a name with any other extension is a file of a page. */
const PAGE_NAME = /^([a-z][a-z0-9-]*)(?:\.html)?$/;

const ENGINE_ENTRIES: readonly NavigationEntry[] = [
  { title: "Status", path: "/ui/status" },
  { title: "Dead letters", path: "/ui/dead-letters" },
  { title: "Find", path: "/ui/dead-letter-list" },
  { title: "API", path: "/docs" },
];

const PAGE: Operation = {
  tags: ["pages"],
  summary: "The web page of the first domain",
  responses: { 200: bytes("a page", "text/html"), 304: { description: "the caller has it already" } },
};

const PAGES: Operation = {
  tags: ["pages"],
  summary: "The web pages, in the order of the navigation",
  responses: {
    200: answer(
      "the pages; `domain` if it is the page of one",
      arrayOf(object({ title: TEXT, path: TEXT }, { domain: TEXT })),
    ),
  },
};

const FILE: Operation = {
  tags: ["pages"],
  summary: "A file of the charts",
  parameters: [inPath("file", "its name", TEXT)],
  responses: {
    200: {
      description: "the file",
      content: { "text/html": {}, "text/javascript": {}, "text/css": {}, "image/svg+xml": {} },
    },
    304: { description: "the caller has it already" },
    ...problems(400, 404),
  },
};

const FILE_OR_DOMAIN: Operation = {
  ...FILE,
  summary: "A page of the engine, a file of one, or the page of a domain",
  parameters: [inPath("file", "its name, or the domain's", TEXT)],
};

const DOMAIN_FILE: Operation = {
  ...FILE,
  summary: "A page of a domain, or a file of one",
  parameters: [inPath("domain", "the domain's name", TEXT), inPath("file", "its name", TEXT)],
};

/** The chart library's own files. */
const CHARTS_FOLDER = dirname(fileURLToPath(import.meta.resolve("uplot")));

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
