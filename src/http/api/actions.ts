/** The list of all operator actions. */
import {
  answer,
  inQuery,
  named,
  type Operation,
  type Parameter,
  problems,
  TEXT,
} from "../../contract/openapi.ts";
import { type Route, sendJson } from "../../contract/route.ts";
import { readInteger } from "../../contract/values/integers.ts";
import { membersOf, schemaOf } from "../../contract/values/shapes.ts";
import { actionFilterType, actionsType } from "../../deadletter/actions/list.ts";
import type { Desk } from "../../deadletter/desk.ts";

export function actionsRoute(desk: Desk): Route {
  return {
    method: "GET",
    path: "/actions",
    access: "reader",
    operation: LIST,
    handle: async ({ query }, response) => {
      const { limit = LIMIT_DEFAULT, before, ...filter } = query;
      sendJson(response, 200, await desk.actions(filter, readInteger(limit, "limit", 1, LIMIT_MAX), before));
    },
  };
}

const LIMIT_DEFAULT = "50";
const LIMIT_MAX = 500;

const LIST: Operation = {
  tags: ["operations"],
  summary: "What operators did, newest first",
  description:
    "A bulk action is one entry; with `position` also its effect on that letter. Filters are combined with AND; `since` is inclusive, `until` exclusive.",
  parameters: [
    ...membersOf(actionFilterType).map(([name, schema]): Parameter => ({ name, in: "query", schema })),
    inQuery("limit", "maximum results, default 50", { type: "integer", minimum: 1, maximum: LIMIT_MAX }),
    inQuery("before", "`next` of the previous page", TEXT),
  ],
  responses: {
    200: answer("a page; `next` is null on the last one", named("Actions", schemaOf(actionsType))),
    ...problems(400),
  },
};
