/** What the tools expect of every kit: each domain of the project, and the ledger, pass the same tests. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../src/audit/audit.ts";
import { headersToJson } from "../../src/contract/headers.ts";
import type { Message } from "../../src/contract/message.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { KITS } from "../../tools/domains/index.ts";
import type { DomainKit, KitMessage, Published } from "../../tools/domains/kit.ts";
import { garbageKinds, makeGarbage } from "../../tools/publisher/garbage.ts";
import { makeLoad } from "../../tools/publisher/load.ts";
import { connectToHttp, PayloadRefusedError } from "../../tools/publisher/transport.ts";
import { Verifier } from "../../tools/publisher/verify.ts";
import { makeHostile } from "../../tools/torture/hostile.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { appendAll, projectAll } from "../support/engine.ts";
import { ledgerKit } from "../support/ledger/kit.ts";
import { messageOf } from "../support/messages.ts";
import { startInProcess } from "../support/service.ts";

const SEED = Number(process.env.WAYBILL_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const MIX = { garbage: 0.2, duplicates: 0.15, conflicts: 0.15 };

const all = suite("kits");
all("every domain of the project has a kit", () => {
  assert.equal(
    KITS.map(({ domain }) => domain.name),
    DOMAINS.map(({ name }) => name),
  );
});
all.run();

for (const kit of [...KITS, ledgerKit]) {
  const { domain } = kit;
  const conforms = suite(`kit of ${domain.name} (seed ${SEED})`);
  const loadOf = (count: number, run?: string) => [
    ...makeLoad(kit, kit.createFactory(SEED, run), count, MIX),
  ];

  conforms("each message of a load becomes what the kit says", async () => {
    await using database = await createDatabase(undefined, [domain]);
    const load = loadOf(300);
    assert.is(new Set(load.map(({ kind }) => kind)).size, 4);
    await appendAll(
      database,
      load.map(({ payload }) => deliver(kit, payload)),
      domain,
    );
    await projectAll(database, domain);
    const became = await outcomesOf(database, kit);
    assert.is(became.length, load.length);
    for (const [index, message] of load.entries()) assertBecame(became[index], message, message.kind);
  });

  conforms("each kind of garbage gets its code and its paths", async () => {
    await using database = await createDatabase(undefined, [domain]);
    const factory = kit.createFactory(SEED);
    const garbage = garbageKinds(kit).map((kind) => makeGarbage(kit, factory, kind));
    assert.ok(garbage.length > 20);
    await appendAll(
      database,
      garbage.map(({ payload }) => deliver(kit, payload)),
      domain,
    );
    await projectAll(database, domain);
    const became = await outcomesOf(database, kit);
    for (const [index, { kind, code, paths }] of garbage.entries())
      assertBecame(became[index], { becomes: { outcome: "dead", code, paths } }, kind);
  });

  conforms("a seed gives the same messages again, under new ids", () => {
    const payloads = (run?: string) => loadOf(200, run).map(({ payload }) => payload.toString("base64"));
    assert.equal(payloads("one"), payloads("one"));
    const keys = (run?: string) => new Set(loadOf(200, run).flatMap(({ key }) => key ?? []));
    const before = keys();
    assert.not.ok([...keys()].some((key) => before.has(key)));
  });

  conforms("each hostile message ends in one outcome", async () => {
    await using database = await createDatabase(undefined, [domain]);
    const factory = kit.createFactory(SEED);
    const hostile = Array.from({ length: 400 }, () => deliver(kit, makeHostile(kit, factory)));
    await appendAll(database, hostile, domain);
    await projectAll(database, domain);
    const { holds, domains } = await audit(database, [domain], { isFull: true });
    assert.ok(holds);
    const { received, pending, dead } = domains[domain.name] as NonNullable<(typeof domains)[string]>;
    assert.equal([received, pending], [400n, 0n]);
    assert.ok(dead > 100n);
  });

  conforms(
    "what was published can be read back; other content and nothing are not taken for it",
    async () => {
      await using database = await createDatabase(undefined, [domain]);
      await using service = await startInProcess(database, { DOMAINS: domain.name, ...kit.environment }, [
        domain,
      ]);
      const verifier = new Verifier(service.url, kit.readBack, 5);
      try {
        const load = loadOf(100).filter(({ kind }) => kind !== "garbage");
        await using transport = connectToHttp(service.url, kit.intake, undefined);
        for (const { payload, kind } of load) {
          // An ingress may refuse a conflict at once; a broker accepts it, and it becomes a dead letter.
          await transport.publish(payload).catch((error: unknown) => {
            if (kind !== "conflict" || !(error instanceof PayloadRefusedError)) throw error;
          });
        }
        const published = Map.groupBy(load, ({ key }) => key as string);
        const expected = [...published].map(([key, messages]) => ({
          key,
          published: messages.map(({ payload }) => payload),
        }));
        const { checked, missing, different } = await verifier.check(expected, () => {});
        assert.equal([checked, missing, different], [published.size, [], []]);

        const factory = kit.createFactory(SEED + 1);
        const [stored, lost] = [factory.valid(), factory.valid()];
        await transport.publish(stored.payload);
        const impatient = new Verifier(service.url, kit.readBack, 1);
        const wrong = await impatient.check(
          [
            { key: stored.key as string, published: [factory.conflictWith(stored).payload] },
            { key: kit.createFactory(SEED).valid().key as string, published: [lost.payload] },
          ],
          () => {},
        );
        impatient.close();
        assert.is(wrong.missing.length + wrong.different.length, 2);

        const witness = kit.createWitness();
        for (const message of load) see(witness, message);
        assert.equal(await witness.check(database, [verifier]), []);
      } finally {
        verifier.close();
      }
    },
  );

  conforms("a witness finds what is missing and what is stored otherwise", async () => {
    await using database = await createDatabase(undefined, [domain]);
    const factory = kit.createFactory(SEED);
    const [stored, lost] = [factory.valid(), factory.valid()];
    await appendAll(database, [deliver(kit, stored.payload)], domain);
    await projectAll(database, domain);
    const witness = kit.createWitness();
    see(witness, stored);
    assert.equal(await witness.check(database, []), []);
    see(witness, lost);
    assert.is((await witness.check(database, [])).length, 1, "what was acknowledged is not in the table");
    const other = kit.createWitness();
    see(other, factory.conflictWith(stored));
    assert.is((await other.check(database, [])).length, 1, "what is in the table was never published");
    witness.startOver();
    const before = (await witness.check(database, [])).length;
    // The ledger's kit only checks that there is an answer.
    for (const answer of KITS.includes(kit) ? [undefined, Buffer.from("{}")] : [undefined]) {
      witness.startOver();
      const service = { url: "http://service", read: async () => answer };
      const found = await witness.check(database, [service]);
      assert.ok(found.length > before, `it answered ${answer}`);
    }
  });

  conforms.run();
}

/** As a broker delivers it. */
function deliver({ domain, headers }: DomainKit, payload: Buffer): Message {
  const stored = headersToJson({ headers: Object.entries(headers?.(payload) ?? {}) });
  return messageOf(payload, {
    channel: domain.name,
    ...(stored === undefined ? {} : { headers: stored }),
  });
}

function see(witness: ReturnType<DomainKit["createWitness"]>, message: Published): void {
  witness.attempted(message);
  witness.acknowledged(message);
}

type Became = Readonly<{ outcome: string; code: string | null; paths: readonly string[] }>;

async function outcomesOf(database: TestDatabase, { domain }: DomainKit): Promise<readonly Became[]> {
  const { rows } = await database.query<Became>(
    `select case when dead_letters.position is not null then 'dead'
                 when duplicates.position is not null then 'duplicate'
                 when projected.position is not null then 'projected' else 'pending' end as outcome,
            dead_letters.code,
            coalesce((select array_agg(error ->> 'path') from jsonb_array_elements(dead_letters.errors) as error), '{}') as paths
     from inbox left join dead_letters using (position) left join duplicates using (position)
          left join ${domain.tables[0].name} as projected using (position)
     where inbox.domain = $1 order by inbox.position`,
    [domain.name],
  );
  return rows;
}

function assertBecame(
  became: Became | undefined,
  { becomes }: Pick<KitMessage, "becomes">,
  label: string,
): void {
  assert.is(became?.outcome, becomes.outcome, label);
  if (becomes.outcome !== "dead") return;
  assert.is(became?.code, becomes.code, label);
  if (becomes.paths) assert.equal([...(became?.paths ?? [])].sort(), [...becomes.paths].sort(), label);
}
