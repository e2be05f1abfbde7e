/** Pauses and resumes sources for operators, over HTTP and the command line. */
import { type } from "../../config/types.ts";
import { NotFoundError } from "../../contract/errors.ts";
import { words } from "../../contract/values/shapes.ts";
import type { Database } from "../../database/database.ts";
import { deletePause, insertPause, type Pause, selectPauses } from "./paused-sources-table.ts";
import { insertSourceAction, type SourceAction, selectSourceActions } from "./source-actions-table.ts";

const pauseType = type({ author: "string", is_verified: "boolean", reason: "string", since: words.time });

export const sourceStateType = type({
  domain: "string",
  source: "string",
  paused: pauseType.or("null").describe("null unless an operator paused the source"),
}).configure({ title: "SourceState" }, "self");

export const sourceStatesType = type({
  sources: sourceStateType.array(),
  actions: type({
    action: "'pause' | 'resume'",
    domain: "string",
    source: "string",
    author: "string",
    is_verified: "boolean",
    reason: "string",
    at: words.time,
  })
    .array()
    .describe("newest first"),
}).configure({ title: "Sources" }, "self");

export type SourceState = typeof sourceStateType.infer;

type Place = Readonly<{ domain: string; source: string }>;
type Decision = Readonly<{ author: string; reason: string; isVerified?: boolean | undefined }>;

export type PauseDeskOptions = Readonly<{
  database: Database;
  /** The sources that can be paused here. */
  places: readonly Place[];
  /** Puts a change into effect in this process; others notice it within seconds. */
  onChanged?: () => Promise<void>;
}>;

export class PauseDesk {
  readonly #options: PauseDeskOptions;

  constructor(options: PauseDeskOptions) {
    this.#options = options;
  }

  async show(): Promise<typeof sourceStatesType.infer> {
    const { database, places } = this.#options;
    const domains = [...new Set(places.map(({ domain }) => domain))];
    const pauses = await selectPauses(database, domains);
    const actions = await selectSourceActions(database, domains, ACTIONS_SHOWN);
    return {
      sources: places.map((place) => stateOf(place, pauses)),
      actions: actions.map(({ actedAt, isVerified, ...action }) => ({
        ...action,
        is_verified: isVerified,
        at: actedAt.toISOString(),
      })),
    };
  }

  /** A source that is in this state already stays as it is, and nothing is recorded. @throws NotFoundError */
  async act(
    action: SourceAction["action"],
    place: Place,
    { author, reason, isVerified = false }: Decision,
  ): Promise<SourceState> {
    const decision = { author, reason, isVerified };
    const { database, places, onChanged } = this.#options;
    if (!places.some(({ domain, source }) => domain === place.domain && source === place.source)) {
      throw new NotFoundError(`this process has no source ${place.source} of ${place.domain} to ${action}`);
    }
    const state = await database.transaction(async (transaction) => {
      const isChanged =
        action === "pause"
          ? await insertPause(transaction, { ...place, ...decision })
          : await deletePause(transaction, place);
      if (isChanged) await insertSourceAction(transaction, { action, ...place, ...decision });
      return stateOf(place, await selectPauses(transaction, [place.domain]));
    });
    await onChanged?.();
    return state;
  }
}

function stateOf({ domain, source }: Place, pauses: readonly Pause[]): SourceState {
  const pause = pauses.find((candidate) => candidate.domain === domain && candidate.source === source);
  const paused = pause && {
    author: pause.author,
    is_verified: pause.isVerified,
    reason: pause.reason,
    since: pause.pausedAt.toISOString(),
  };
  return { domain, source, paused: paused ?? null };
}

/** Operators look for recent ones. */
const ACTIONS_SHOWN = 50;
