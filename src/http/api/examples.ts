/**
 * Examples of requests and answers in the API document, by name of the schema. They tell one story: message 2 has text
 * where a number is expected, and an operator repairs it. A test validates each against its schema.
 */

const MINUTE = "2026-11-27T09:30:00.000Z";
const LATER = "2026-11-27T09:45:00.000Z";
const DOMAIN = "invoices";
const FINGERPRINT = "46b85a033afba06d";

const action = {
  action: "redrive",
  author: "Ann",
  is_verified: false,
  reason: "the amount is a number",
  at: LATER,
};
const problem = {
  path: "/amount",
  rule: "type",
  expected: "a number",
  received: "string",
  excerpt: '"12"',
};
const decision = { author: "Ann", reason: "the sender is repaired" };
const sourceState = {
  domain: DOMAIN,
  source: "http",
  paused: { ...decision, is_verified: false, since: LATER },
};
const steps = [{ op: "cast", path: problem.path, to: "number" }];
const received = { domain: DOMAIN, source: "http", channel: "invoices", received_at: MINUTE };
const dead = { state: "open", code: "schema", fingerprint: FINGERPRINT, errors: [problem] };
const history = {
  position: "2",
  ...received,
  message_id: "d61e51c2-b63f-4e1c-a4e6-b235ca78e3f4",
  payload_bytes: 31,
  traceparent: null,
  published_at: MINUTE,
  outcome: "dead",
  view: null,
  ...dead,
  actions: [],
  links: {
    self: "/messages/2",
    page: "/ui/message?position=2",
    payload: "/messages/2/payload",
    dead_letter: "/deadletters/2",
  },
};
const payload = {
  bytes: 31,
  length: 31,
  encoding: "text",
  content: '{"id": "i-17", "amount": "12"}\n',
  offset: 0,
  is_whole: true,
  is_masked: true,
};
const group = {
  fingerprint: FINGERPRINT,
  domain: DOMAIN,
  code: "schema",
  causes: [problem],
  cause_count: 1,
  channels: ["invoices"],
  count: 12,
  share: 0.75,
  open: 12,
  redriven: 0,
  discarded: 0,
  first_seen: MINUTE,
  last_seen: LATER,
  sample: "2",
  came_back_after: null,
  hours: [0, 12],
};
const bulk = {
  id: "1",
  domain: DOMAIN,
  filter: { code: "schema", state: "open" },
  ...decision,
  is_verified: false,
  failures_max: 0,
  status: "finished",
  letters: 12,
  redriven: 12,
  skipped: 0,
  projected: 12,
  duplicate: 0,
  dead: 0,
  created_at: MINUTE,
  updated_at: LATER,
};
const bulkDecision = {
  id: "1",
  action: "discard",
  filter: { code: "schema", state: "open" },
  ...decision,
  is_verified: false,
  status: "finished",
  letters: 12,
  decided: 12,
  skipped: 0,
  created_at: MINUTE,
  updated_at: LATER,
};
const bulkDryRun = {
  dry_run: true,
  letters: 12,
  projected: 11,
  duplicate: 0,
  conflict: 0,
  dead: 1,
  not_run_here: {},
  failures: [
    { domain: DOMAIN, fingerprint: FINGERPRINT, code: "schema", count: 1, sample: "2", errors: [problem] },
  ],
};
const refused = { domain: DOMAIN, position: "7", ordinal: 0 };

export const EXAMPLES: Readonly<Record<string, unknown>> = {
  Actions: {
    actions: [
      {
        ...action,
        is_verified: true,
        domain: DOMAIN,
        position: "2",
        redrive_position: "17",
        is_edited: true,
      },
    ],
    next: null,
  },
  Audit: {
    holds: true,
    domains: {
      [DOMAIN]: {
        received: 16,
        projected: 3,
        duplicate: 1,
        dead: 12,
        pending: 0,
        broken: 0,
        discrepancies: [],
        gaps: [],
        proved_before: 0,
        full_at: MINUTE,
        messages_per_day: null,
        checks: {},
      },
    },
    storage: { bytes: 1_654_784, bytes_per_day: null, tables: { inbox: 114_688 } },
  },
  BulkDecision: bulkDecision,
  BulkDecisionRequest: { filter: { code: "schema" }, limit: 1_000, ...decision },
  BulkDecisionDryRun: { dry_run: true, letters: 12 },
  BulkDecisions: { decisions: [bulkDecision] },
  BulkDryRun: bulkDryRun,
  BulkRedrive: bulk,
  BulkRedriveRequest: { filter: { code: "schema" }, limit: 1_000, failures_max: 0, ...decision },
  BulkRedrives: { redrives: [bulk] },
  Cause: problem,
  DeadLetter: { ...history, payload },
  DeadLetterGroup: group,
  DeadLetterOverview: {
    groups: [group],
    has_more: false,
    totals: { open: 16, redriven: 0, discarded: 0 },
    oldest_open: { position: "2", received_at: MINUTE },
    trend: { since: "2026-11-27T08:00:00.000Z", hours: [0, 16] },
  },
  DeadLetterPage: {
    deadletters: [{ position: "2", ...received, ...dead, error_count: 1, payload_bytes: 31 }],
    next: null,
    total: { letters: 1, is_exact: true },
  },
  Decided: { position: "2", state: "discarded" },
  Decision: decision,
  DryRun: {
    dry_run: true,
    outcome: "dead",
    code: "schema",
    fingerprint: FINGERPRINT,
    errors: [{ ...problem, range: { start: 25, end: 29 } }],
  },
  ListedDeadLetter: { position: "2", ...received, ...dead, error_count: 1, payload_bytes: 31 },
  Liveness: { status: "alive" },
  Message: { ...history, payload, previous: null, next: "3", trace: null },
  MessageHistory: history,
  MessageOutcome: {
    position: "2",
    ...received,
    outcome: "dead",
    code: "schema",
    errors: [{ path: problem.path, rule: problem.rule, expected: problem.expected }],
  },
  Neighbours: { previous: "17", next: null, index: 12, total: { letters: 12, is_exact: true } },
  NotReady: {
    status: "not ready",
    reasons: ["source kafka is not connected"],
    domains: { [DOMAIN]: { ready: false, reasons: ["source kafka is not connected"] } },
  },
  Operator: decision,
  OperatorAction: action,
  Outbox: {
    domains: [{ domain: DOMAIN, pending: 3, oldest_seconds: 1.5, held: 0 }],
    refusals: [],
    actions: [],
  },
  DecidedEvent: { ...refused, state: "released" },
  Pages: [
    { title: "Invoices", path: "/ui/invoices/", domain: DOMAIN },
    { title: "Status", path: "/ui/status" },
  ],
  ProblemDetails: {
    type: "urn:waybill:problem:invalid-input",
    status: 400,
    title: "Invalid input",
    detail: "limit must be a whole number from 1 to 500",
    parameter: "limit",
  },
  Ready: { status: "ready", domains: { [DOMAIN]: { ready: true, reasons: [] } } },
  Receipt: { position: "2" },
  RedriveRequest: { payload: '{"id": "i-17", "amount": 12}', ...decision },
  Redriven: { position: "2", redrive_position: "17", links: { redriven_as: "/messages/17" } },
  RejectionProblem: problem,
  SearchResult: {
    q: "i-17",
    matches: [],
    has_more: false,
    looked_for: ["message id"],
    forms: ["a position", "a message id"],
  },
  Session: { name: "ann", role: "operator" },
  SessionState: { status: "signed in" },
  SourceState: sourceState,
  Sources: { sources: [sourceState], actions: [] },
  Status: {
    at: LATER,
    database: { connected: true },
    process: { resident_bytes: 227_549_184, cpu_seconds: 1.7 },
    requests: 19,
    domains: [
      {
        domain: DOMAIN,
        pending: 0,
        oldest_pending_seconds: 0,
        stalled_seconds: 0,
        discrepancies: 0,
        audit_age_seconds: 30,
        appended: 16,
        projected: 3,
        duplicate: 1,
        dead: 12,
        append_seconds: [
          { le: 0.05, count: 15 },
          { le: null, count: 16 },
        ],
        readable_seconds: [{ le: null, count: 4 }],
        cache_bytes: 65_536,
        cache_hits: 10,
        cache_misses: 2,
      },
    ],
    sources: [
      {
        domain: DOMAIN,
        source: "http",
        channel: "invoices",
        connected: true,
        paused: false,
        appended: 16,
        lag: null,
        redelivered: null,
        refused: null,
        lost: 0,
      },
    ],
    causes: [
      {
        domain: DOMAIN,
        code: "schema",
        fingerprint: FINGERPRINT,
        letters: 12,
        path: problem.path,
        expected: problem.expected,
      },
    ],
  },
  Preview: { letters: { letters: 12, is_exact: true }, samples: [], suggested_steps: steps },
  PreviewRequest: { filter: { code: "schema" }, steps },
  TransformDryRun: { ...bulkDryRun, unchanged: 0, not_applied: [] },
  TransformRequest: { filter: { code: "schema" }, steps, ...decision },
};
