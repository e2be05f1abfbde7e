/** The examples and named schemas of the API document. */
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createDatabase } from "../support/database.ts";
import { startInProcess } from "../support/service.ts";

type Content = Readonly<{ content?: Record<string, { schema?: object }> }>;
type Document = {
  paths: Record<string, Record<string, { requestBody?: Content; responses: Record<string, Content> }>>;
  components: { schemas: Record<string, { examples?: unknown[] }> };
};

const database = await createDatabase();
const service = await startInProcess(database);
const api = suite("examples in the API document");
const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as Document;
const { schemas } = document.components;

api("each named schema is used by reference, and its examples are valid", () => {
  const references = new Set(JSON.stringify(document).match(/(?<="#\/components\/schemas\/)\w+(?=")/g));
  assert.equal([...references].sort(), Object.keys(schemas).sort());
  const ajv = new Ajv2020({ strict: true, allErrors: true, strictTypes: false });
  addFormats.default(ajv);
  ajv.addVocabulary(["components"]);
  const { components } = document;
  const faults = Object.entries(schemas).flatMap(([name, schema]) => {
    const validate = ajv.compile({ $ref: `#/components/schemas/${name}`, components });
    const invalid = (schema.examples ?? []).filter((example) => !validate(example));
    return invalid.map(() => `${name}: ${ajv.errorsText(validate.errors)}`);
  });
  assert.equal(faults, []);
});

api("each JSON request and answer has an example", () => {
  const operations = Object.entries(document.paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ template, method, ...operation })),
  );
  const media = operations.flatMap(({ template, method, requestBody, responses }) =>
    [...(requestBody ? [["request", requestBody] as const] : []), ...Object.entries(responses)].flatMap(
      ([status, { content = {} }]) => {
        const schema = content["application/json"]?.schema;
        return schema ? [{ what: `${method} ${template} ${status}`, text: JSON.stringify(schema) }] : [];
      },
    ),
  );
  assert.ok(media.length > 20);
  const without = media.filter(({ text }) => {
    const name = /"#\/components\/schemas\/(\w+)"/.exec(text)?.[1] ?? "";
    return !schemas[name]?.examples;
  });
  assert.equal(
    without.map(({ what }) => what),
    [],
  );
});

api.after(async () => {
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
api.run();
