/** Thousands of small messages with many problems each: the number and the text of problems are bounded. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { boundProblems, PROBLEMS_MAX, type Problem } from "../../src/contract/rejection.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { wallet } from "../../src/domains/wallet/index.ts";
import { createDatabase } from "../support/database.ts";
import { appendAll, projectAll } from "../support/engine.ts";
import { messageOf } from "../support/messages.ts";
import { largeOrdersMs, longestTurn } from "../support/turns.ts";

const problem: Problem = { path: "/a", rule: "type", expected: "a string", received: "number" };

test("the first hundred problems are kept, and fewer if their text is long", () => {
  assert.is(boundProblems(Array(5_000).fill(problem)).length, PROBLEMS_MAX);
  const long = boundProblems(Array(100).fill({ ...problem, path: "x".repeat(512) }));
  assert.ok(long.length > 20 && long.length < 40, `${long.length}`);
  assert.equal(boundProblems([{ ...problem, path: "x".repeat(100_000) }, problem]).length, 1);
});

test("thousands of them are buried in one batch while others are answered", async () => {
  await using database = await createDatabase();
  // Each problem has a path of 512 characters, each of which takes six in JSON.
  const repeated = `{"a":1${',"a":1'.repeat(101)}}`;
  const longPaths = `{"${String.raw`\u0001`.repeat(511)}":${repeated}}`;
  const manyItems = `{"items":[${"{},".repeat(9)}{}]}`;
  const payloads = Array.from({ length: 1_200 }, (_, index) => (index % 2 === 0 ? longPaths : manyItems));
  await appendAll(
    database,
    payloads.map((payload) => messageOf(payload)),
  );
  const limit = largeOrdersMs();
  const { cpuMilliseconds } = await longestTurn(() => projectAll(database));
  assert.ok(cpuMilliseconds < limit, `${cpuMilliseconds} ms without a turn for others`);
  const { rows } = await database.query(
    `select count(*)::int as letters, max(octet_length(errors::text)) as largest,
            (select sum(open)::int from dead_letter_groups) as counted
     from dead_letters`,
  );
  const [{ letters, largest, counted }] = rows;
  assert.equal({ letters, counted }, { letters: 1_200, counted: 1_200 });
  assert.ok(largest < 150_000, `${largest} bytes of problems`);
});

test("a command with hundreds of unknown members has a hundred problems", async () => {
  await using database = await createDatabase();
  const members = Array.from({ length: 900 }, (_, index) => `"x${index}":1`);
  await appendAll(database, [messageOf(`{"id":"a","type":"tick",${members.join()}}`)], wallet);
  await projectAll(database, wallet);
  const { rows } = await database.query("select jsonb_array_length(errors) as problems from dead_letters");
  assert.equal(rows, [{ problems: PROBLEMS_MAX }]);
});

test("a domain of any kind is bounded by the engine", async () => {
  await using database = await createDatabase();
  const careless = {
    ...orders,
    createProjection: () => ({
      project: async (rows: readonly unknown[]) => ({
        outcomes: rows.map(() => ({
          kind: "dead" as const,
          rejection: { code: "schema" as const, problems: Array<Problem>(5_000).fill(problem) },
        })),
      }),
    }),
  };
  await appendAll(database, [messageOf("x")]);
  await projectAll(database, careless);
  const { rows } = await database.query("select jsonb_array_length(errors) as problems from dead_letters");
  assert.equal(rows, [{ problems: PROBLEMS_MAX }]);
});

test.run();
