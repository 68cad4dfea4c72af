import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { findSchema } from '../../src/schema/accept-schema.ts'
import { expectProblem } from '../support/problems.ts'
import { contact } from '../support/samples.ts'
import { schemaChanges } from '../support/schema-changes.ts'
import { TestVault } from '../support/test-vault.ts'

/** The owner of the database has triggers, rules, views and functions change or swallow what the vault writes. */
const PATIENCE = { timeout: 20_000, interval: 100 }
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let vault: TestVault
let staff: string
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  await vault.database.sql(`
    CREATE SCHEMA elsewhere;
    CREATE TABLE elsewhere.orders (id text PRIMARY KEY);
    CREATE FUNCTION elsewhere.takes(text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN true; END $$;
    CREATE DOMAIN elsewhere.taken AS text CHECK (elsewhere.takes(VALUE));
    CREATE FUNCTION elsewhere.swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE FUNCTION elsewhere.differs(text, varchar) RETURNS boolean LANGUAGE sql RETURN $1 <> $2::text`)
  staff = await vault.staffToken('support')
  token = (await vault.tokenize({ contact })).contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const sql = (text: string) => vault.database.sql(text)
const look = () => vault.background.tasks.get('watch-database-schema')!.run()
const read = () => vault.call('GET', `/v1/tokens/${token}`, { token: staff })
const ready = () => vault.call('GET', '/readyz')
const alerts = () =>
  vault.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === 'schema-changed') as {
    hash: string
    differences: string
  }[]
const findings = async () => {
  const database = openDatabase({ url: vault.database.serverUrl, maxConnections: 1 })
  return findSchema(database).finally(() => database.close())
}
/** A request has it looked at: no minute has to go by. */
const readyAgain = () => vi.waitFor(async () => expect((await ready()).status).toBe(200), PATIENCE)

describe('service is refused, with an alert, until it is undone', () => {
  it.each(schemaChanges)('after %s', async (_name, change, undo, said) => {
    const before = alerts().length
    await sql(change)
    try {
      await look()
      expectProblem(await read(), 503, 'schema-changed')
      expectProblem(await vault.call('GET', '/v1/audit/checkpoint', { token: staff }), 503, 'schema-changed')
      expectProblem(await ready(), 503, 'schema-changed')
      expect((await vault.call('GET', '/healthz')).status).toBe(200)
      await look()
      const { differences, hash } = await findings()
      expect(differences.join('; ')).toBe(said)
      expect(alerts().slice(before)).toEqual([expect.objectContaining({ hash, differences: said })])
    } finally {
      await sql(undo)
    }
    await look()
    expect((await read()).status).toBe(200)
    // The change may have kept the log out of reach, and an event shows that it is there again.
    await expect.poll(async () => (await ready()).status, { timeout: 20_000 }).toBe(200)
    expect(await findings()).toMatchObject({ differences: [], others: [] })
  })

  it('after the same once more, which is another alert', async () => {
    const [, change, undo] = schemaChanges[0]!
    const before = alerts().length
    for (const _time of [1, 2]) {
      await sql(change)
      await look()
      await sql(undo)
      await look()
    }
    expect(alerts().length - before).toBe(2)
  })
})

describe('an operator', () => {
  const [, change, undo] = schemaChanges[0]!
  const accept = (hash: string) => vault.commands.acceptSchema(OPERATOR, hash)

  it('accepts the schema as it is, by its hash, which is an event; nothing else is accepted with it', async () => {
    await expect(accept('0'.repeat(64))).rejects.toThrow('there is nothing to accept')
    await sql(change)
    await look()
    const { hash } = await findings()
    await expect(accept('0'.repeat(64))).rejects.toThrow(`its hash is ${hash}`)
    expectProblem(await ready(), 503, 'schema-changed')
    expect((await accept(hash)).differences).toEqual(['trigger swallow on reveal_reasons was added'])
    await readyAgain()
    expect((await read()).status).toBe(200)
    expect(await vault.events({ type: 'schema.accept' })).toEqual([
      expect.objectContaining({ caller: OPERATOR, outcome: 'success', schema: hash, count: 1 }),
    ])

    const [, further, back] = schemaChanges[1]!
    await sql(further)
    await look()
    expectProblem(await read(), 503, 'schema-changed')
    await sql(back)
    await readyAgain()

    // Under the same name something else.
    await sql(`${undo}; ${change.replace('BEFORE INSERT', 'BEFORE INSERT OR UPDATE')}`)
    await look()
    expectProblem(await read(), 503, 'schema-changed')
    await sql(undo)
    await readyAgain()
  })

  it('is the only one who accepts: a mark that is written into the manifest counts on no server', async () => {
    await sql(schemaChanges[1]![1])
    const { hash } = await findings()
    const [row] = await vault.database.sql<{ manifest: string }>('SELECT manifest FROM key_registry')
    await sql(
      `UPDATE key_registry SET manifest = replace(manifest, '"marks":[', '"marks":["accepted-schema ${hash}",')`,
    )
    await look()
    expect((await read()).status).toBe(503)
    expect((await ready()).status).toBe(503)
    await vault.database.sql('UPDATE key_registry SET manifest = $1', [row!.manifest])
    await vi.waitFor(async () => expectProblem(await ready(), 503, 'schema-changed'), PATIENCE)
    await sql(schemaChanges[1]![2])
    await readyAgain()
  })
})
