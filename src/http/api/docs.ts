/** The API document, and Swagger UI over it, served from the package's own files. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { NotFoundError } from "../../contract/errors.ts";
import { bytes, inPath, openApiDocument, problems, TEXT } from "../../contract/openapi.ts";
import type { Route } from "../../contract/route.ts";
import { fileRoute } from "../page.ts";

/** @param routes all others of the server. */
export function docsRoutes(routes: readonly Route[]): Route[] {
  const own = fileRoute(fileURLToPath(new URL("../ui", import.meta.url)), DOCS_POLICY);
  const swagger = fileRoute(SWAGGER_FOLDER, DOCS_POLICY);
  let document: Buffer | undefined;

  const docs: Route[] = [
    {
      method: "GET",
      path: "/openapi.json",
      access: "open",
      operation: {
        tags: ["pages"],
        summary: "This document",
        responses: { 200: bytes("OpenAPI 3.1", "application/json") },
      },
      handle: (_request, response) => {
        document ??= Buffer.from(JSON.stringify(openApiDocument([...routes, ...docs], VERSION)));
        response.writeHead(200, {
          "content-type": "application/json",
          "content-length": document.length,
          "cache-control": "no-cache",
        });
        response.end(document);
      },
    },
    {
      method: "GET",
      path: "/docs",
      access: "open",
      kind: "page",
      operation: {
        tags: ["pages"],
        summary: "This document as pages",
        responses: { 200: bytes("a page", "text/html"), 304: { description: "the caller has it already" } },
      },
      handle: (request, response) => own(request, response, "/docs.html"),
    },
    {
      method: "GET",
      path: "/docs/:file",
      access: "open",
      kind: "page",
      operation: {
        tags: ["pages"],
        summary: "A file of those pages",
        parameters: [inPath("file", "its name", TEXT)],
        responses: {
          200: { description: "the file", content: { "text/javascript": {}, "text/css": {} } },
          304: { description: "the caller has it already" },
          ...problems(400, 404),
        },
      },
      handle: (request, response) => {
        const { file = "" } = request.params;
        if (!SERVED.includes(file)) throw new NotFoundError("there is no such file");
        swagger(request, response, `/${file}`);
      },
    },
  ];
  return docs;
}

/** Not by importing it, which would load a browser's bundle into this process. */
const SWAGGER_FOLDER = dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/package.json")));

const SERVED: readonly string[] = ["swagger-ui-bundle.js", "swagger-ui.css"];

const VERSION: string = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
).version;

/** Swagger UI draws its icons from data addresses in its own stylesheet; everything else is as on the other pages. */
const DOCS_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
