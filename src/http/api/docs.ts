/** The API document, and the files of Swagger UI, with which the page `/docs` shows it. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { NotFoundError } from "../../contract/errors.ts";
import { bytes, inPath, openApiDocument, problems, TEXT } from "../../contract/openapi.ts";
import type { Route } from "../../contract/route.ts";
import { DOCS_POLICY, fileRoute } from "../page.ts";
import { EXAMPLES } from "./examples.ts";

export function docsRoutes(routes: readonly Route[]): Route[] {
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
        document ??= Buffer.from(JSON.stringify(openApiDocument([...routes, ...docs], VERSION, EXAMPLES)));
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
      path: "/docs/:file",
      access: "open",
      kind: "page",
      operation: {
        tags: ["pages"],
        summary: "A file of Swagger UI",
        parameters: [inPath("file", "file name", TEXT)],
        responses: {
          200: { description: "the file", content: { "text/javascript": {}, "text/css": {} } },
          304: { description: "not modified" },
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

/** An import would load the browser bundle into this process. */
const SWAGGER_FOLDER = dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/package.json")));

const SERVED: readonly string[] = ["swagger-ui-bundle.js", "swagger-ui.css"];

const VERSION: string = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
).version;
