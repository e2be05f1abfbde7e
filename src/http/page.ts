/** The web page: plain files from `ui/`, served as they are on disk, so that changing them needs no build. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import sirv from "sirv";
import { NotFoundError } from "../contract/errors.ts";
import { bytes, inPath, type Operation, problems, TEXT } from "../contract/openapi.ts";
import type { Request, Route } from "../contract/route.ts";

export function pageRoutes(): Route[] {
  const files = fileRoute(fileURLToPath(new URL("ui", import.meta.url)), PAGE_POLICY);
  const charts = fileRoute(CHARTS_FOLDER, PAGE_POLICY);
  return [
    {
      method: "GET",
      path: "/",
      access: "open",
      operation: PAGE,
      handle: (request, response) => files(request, response, "/index.html"),
    },
    {
      method: "GET",
      path: "/ui/charts/:file",
      access: "open",
      operation: FILE,
      handle: (request, response) => charts(request, response, `/${request.params.file}`),
    },
    {
      method: "GET",
      path: "/ui/:file",
      access: "open",
      operation: FILE,
      handle: (request, response) => files(request, response, `/${request.params.file}`),
    },
  ];
}

/** Serves the files of a folder. @param policy the content security policy of its pages. */
export function fileRoute(folder: string, policy: string) {
  const serve = sirv(folder, {
    dev: true,
    etag: true,
    extensions: ["html"],
  });
  return (request: Request, response: Parameters<Route["handle"]>[1], path: string): void => {
    // Before anything is decided: a browser takes the headers of a 304 for the page that it has.
    response.setHeader("content-security-policy", policy);
    response.setHeader("cache-control", "no-cache");
    response.setHeader("referrer-policy", "no-referrer");
    // The address of a file is another one than its place in the folder.
    const asked = { url: path, headers: request.headers } as Request;
    serve(asked, response, () => {
      throw new NotFoundError("there is no such file");
    });
  };
}

const PAGE: Operation = {
  tags: ["pages"],
  summary: "The web page",
  responses: { 200: bytes("a page", "text/html"), 304: { description: "the caller has it already" } },
};

const FILE: Operation = {
  tags: ["pages"],
  summary: "A page or a file of one",
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
