import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * Attack 53: an attacker who can write to the database puts back former access, with the MACs that the vault gave it
 * then, or removes the row of a refusal, while the vault serves.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'provide-goods'
const PATIENCE = { timeout: 20_000 }

let vault: TestVault
let address: string
let card: string

beforeAll(async () => {
  vault = await TestVault.start()
  const parts = await vault.tokenize(checkout)
  address = parts.shipping_address!.token!
  card = parts.card!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const sql = <Row>(text: string, values: unknown[] = []) => vault.database.sql<Row>(text, values)
const reveal = (token: string) => vault.call('POST', `/v1/tokens/${address}/reveal`, { token, body: { purpose } })
const read = (token: string, on = vault) => on.call('GET', `/v1/tokens/${card}`, { token })
const takeIn = () => vault.background.tasks.get('take-in-access')!.run()

interface AlertLine {
  alert?: string
  subject?: string
  reason?: string
}
const alertLines = (code: string, on = vault) =>
  on.logLines.map((text) => JSON.parse(text) as AlertLine).filter(({ alert }) => alert === code)
const subjects = (code: string, subject: string) => alertLines(code).filter((line) => line.subject === subject)

/** Remembers the rows of a table as they are now; what is answered puts them back. */
async function keep(table: string, where: string, values: unknown[]): Promise<() => Promise<void>> {
  const rows = await sql<{ row: string }>(`SELECT to_jsonb(t)::text AS row FROM ${table} t WHERE ${where}`, values)
  return async () => {
    await sql(`DELETE FROM ${table} WHERE ${where}`, values)
    for (const { row } of rows) {
      await sql(`INSERT INTO ${table} SELECT (jsonb_populate_record(NULL::${table}, $1::jsonb)).*`, [row])
    }
  }
}

/** Another server on the same database, for as long as `work` runs: it has only the database to go by. */
async function withAnother(work: (other: TestVault) => Promise<void>): Promise<void> {
  const other = await TestVault.start({ sharedDatabase: vault.database })
  await work(other).finally(() => other.stop())
}

describe('a client of the past, with its own MAC,', () => {
  it('gets no token with its former secret, on a running server and on one that starts', async () => {
    const { id, secret } = await vault.client(['tokenize'])
    const putBack = await keep('clients', 'id = $1', [id])
    const present = (await vault.commands.rotateClientSecret(OPERATOR, id)).expose()
    expect((await vault.requestToken(id, present)).status).toBe(200)
    const rightful = await keep('clients', 'id = $1', [id])

    await putBack()
    for (const tried of [secret, present]) expectProblem(await vault.requestToken(id, tried), 401, 'invalid-client')
    expect(subjects('access-changed', id)).toHaveLength(1)
    await withAnother(async (other) => expectProblem(await other.requestToken(id, secret), 401, 'invalid-client'))
    // Not even the vault repairs it.
    await expect(vault.commands.rotateClientSecret(OPERATOR, id)).rejects.toThrow(/changed outside the vault/)

    await rightful()
    expect((await vault.requestToken(id, present)).status).toBe(200)
  })

  it('is revoked for good: its token does not come back to life either', async () => {
    const { id, secret } = await vault.client(['address:reveal'], { role: 'fulfilment' })
    const { access_token: token } = (await vault.requestToken(id, secret)).body
    expect((await reveal(token)).status).toBe(200)
    const putBack = await keep('clients', 'id = $1', [id])
    await vault.commands.revokeClient(OPERATOR, id)
    await putBack()
    expectProblem(await reveal(token), 401, 'unauthenticated')
    expectProblem(await vault.requestToken(id, secret), 401, 'invalid-client')
    expect(subjects('access-changed', id)).not.toHaveLength(0)
    const [line] = (await vault.commands.reviewAccess(OPERATOR)).filter((one) => one.id === id)
    expect(line?.conditions).toMatch(/grants nothing/)
  })

  it('is so too when a command without keys has revoked it, as soon as a server took that in', async () => {
    const { id, secret } = await vault.client(['address:reveal'], { role: 'fulfilment' })
    const { access_token: token } = (await vault.requestToken(id, secret)).body
    const putBack = await keep('clients', 'id = $1', [id])
    // What the command writes while its vault is sealed.
    await sql('UPDATE clients SET revoked_at = now(), mac = NULL WHERE id = $1', [id])
    expectProblem(await reveal(token), 401, 'unauthenticated')
    const recorded = 'SELECT state FROM access_ledger WHERE subject = $1 ORDER BY generation DESC LIMIT 1'
    await vi.waitFor(async () => {
      await takeIn()
      expect(await sql(recorded, [`client ${id}`])).toEqual([{ state: null }])
    }, PATIENCE)
    await putBack()
    expectProblem(await reveal(token), 401, 'unauthenticated')
    expectProblem(await vault.requestToken(id, secret), 401, 'invalid-client')
  })
})

it('a former row of an ended contract, with its own MAC, allows nothing', async () => {
  const { id: partner } = await vault.commands.addPartner(OPERATOR, {
    name: 'Carrier',
    country: 'MY',
    contact: 'despatch@carrier.example',
    purposes: [purpose],
    fields: ['address.country'],
    ends_at: new Date(Date.now() + 86_400_000),
  })
  const token = await vault.clientToken(['address:reveal'], { role: 'fulfilment', partner })
  expect((await reveal(token)).status).toBe(200)
  const putBack = await keep('partners', 'id = $1', [partner])
  await vault.commands.endPartner(OPERATOR, partner)
  expectProblem(await reveal(token), 403, 'contract-ended')
  await putBack()
  expectProblem(await reveal(token), 403, 'purpose-not-permitted')
  expect(subjects('access-changed', partner)).toHaveLength(1)
})

describe('a set of roles of the past, with its own MAC,', () => {
  it.each<[string, string]>([
    ['when the newest is gone', 'DELETE FROM role_sets WHERE revision = (SELECT max(revision) FROM role_sets)'],
    ['when all are gone', 'DELETE FROM role_sets'],
  ])('grants nothing %s, on a running server and on one that starts', async (_what, remove) => {
    const { commands } = vault
    const support = await vault.staffToken('support')
    await commands.applyRoles(OPERATOR, roleFile({ support: { duty: 'One.' } }))
    await commands.applyRoles(OPERATOR, roleFile({ support: { duty: 'Two.' } }))
    expect((await read(support)).status).toBe(200)
    const before = alertLines('roles-changed').length
    await sql(remove)
    expectProblem(await read(support), 403, 'scope-missing')
    expect(alertLines('roles-changed')).toHaveLength(before + 1)
    await withAnother(async (other) => {
      expectProblem(await read(support, other), 403, 'scope-missing')
      expect(alertLines('roles-changed', other)).toHaveLength(1)
    })
    await commands.applyRoles(OPERATOR, roleFile({}))
    expect((await read(support)).status).toBe(200)
  })
})

describe('the row that refuses', () => {
  it('a disabled person is not what keeps them out alone: without it they stay out', async () => {
    const { commands } = vault
    const token = await vault.staffToken('support', { name: 'mallory' })
    expect((await read(token)).status).toBe(200)
    await commands.disableStaff(OPERATOR, 'staff:Mallory')
    await sql("DELETE FROM disabled_staff WHERE id = 'staff:mallory'")
    expectProblem(await read(token), 401, 'unauthenticated')
    await withAnother(async (other) => expectProblem(await read(token, other), 401, 'unauthenticated'))
    expect(subjects('refusal-removed', 'staff:mallory').length).toBeGreaterThan(0)
    await commands.enableStaff(OPERATOR, 'staff:mallory')
    expect((await read(token)).status).toBe(200)
    await expect(commands.enableStaff(OPERATOR, 'staff:mallory')).rejects.toThrow(/no person with that id is disabled/)
  })

  it('is missed though the person asks for nothing', async () => {
    await vault.commands.disableStaff(OPERATOR, 'staff:silent')
    await sql("DELETE FROM disabled_staff WHERE id = 'staff:silent'")
    await vi.waitFor(async () => {
      await takeIn()
      expect(subjects('refusal-removed', 'staff:silent')).toHaveLength(1)
    }, PATIENCE)
  })

  it('a suspended caller does so after it is gone, until an operator lifts the suspension', async () => {
    const { commands } = vault
    const budget = { per_day: 1, beyond: 'suspend' } as const
    await commands.applyRoles(OPERATOR, roleFile({ careful: { ...conditionalRole({}), budget } }))
    const token = await vault.staffToken('careful', { name: 'greedy' })
    const look = (record: string) => vault.call('GET', `/v1/tokens/${record}`, { token })
    expect((await look(card)).status).toBe(200)
    expectProblem(await look(address), 429, 'budget-spent')
    // Recorded with the suspension itself: no server has to notice it first.
    await sql("DELETE FROM suspended_callers WHERE caller = 'staff:greedy'")
    expectProblem(await look(card), 403, 'caller-suspended')
    expect(subjects('refusal-removed', 'staff:greedy').length).toBeGreaterThan(0)
    await commands.reinstateCaller(OPERATOR, 'staff:greedy')
    expect((await look(address)).status).toBe(200)
    await expect(commands.reinstateCaller(OPERATOR, 'staff:greedy')).rejects.toThrow(/neither suspended nor held back/)
  })
})

describe('a ledger', () => {
  const NEWEST = '(SELECT max(generation) FROM access_ledger)'
  /** A token of a person who is not part of this. */
  let bystander: string

  beforeAll(async () => {
    bystander = await vault.staffToken('support')
  })

  /** No one is let in while the ledger is changed, which is one alert. Once restored, it counts again. */
  async function expectRefused(tamper: string, reason: RegExp): Promise<void> {
    expect((await read(bystander)).status).toBe(200)
    const putBack = await keep('access_ledger', 'generation > $1', [0])
    const before = alertLines('access-ledger-changed').length
    await sql(tamper)
    for (let i = 0; i < 2; i++) expectProblem(await read(bystander), 503, 'sealed')
    const told = alertLines('access-ledger-changed').slice(before)
    expect(told.map((line) => line.reason)).toEqual([expect.stringMatching(reason)])
    await putBack()
    expect((await read(bystander)).status).toBe(200)
  }

  it.each<[string, string, RegExp]>([
    ['whose newest entry is gone', `DELETE FROM access_ledger WHERE generation = ${NEWEST}`, /was put back/],
    ['that is gone', 'TRUNCATE access_ledger', /was put back/],
    [
      'with a copied entry at its end',
      `INSERT INTO access_ledger SELECT ${NEWEST} + 1, subject, state, mac FROM access_ledger WHERE generation = 1`,
      /does not follow/,
    ],
    [
      'with a forged entry',
      `INSERT INTO access_ledger VALUES (${NEWEST} + 1, 'disabled staff:mallory', NULL, decode(repeat('00', 48), 'hex'))`,
      /does not follow/,
    ],
    [
      'whose newest entry has another MAC',
      `UPDATE access_ledger SET mac = set_byte(mac, 47, get_byte(mac, 47) # 1) WHERE generation = ${NEWEST}`,
      /two ledgers/,
    ],
  ])('%s accepts no one', async (_what, tamper, reason) => {
    await vault.client(['tokenize'])
    await expectRefused(tamper, reason)
  })

  it('of the past is not written on by another process either', async () => {
    const putBack = await keep('access_ledger', 'generation > $1', [0])
    const clients = await keep('clients', 'id <> $1', [''])
    const mallory = await vault.client(['tokenize'])
    expect((await vault.requestToken(mallory.id, mallory.secret)).status).toBe(200)
    const rightful = await keep('access_ledger', 'generation > $1', [0])
    const rightfulClients = await keep('clients', 'id <> $1', [''])
    await putBack()
    await clients()
    // To a process that starts it is a good one, and it adds to it.
    await withAnother(async (other) => {
      await other.client(['tokenize'])
      expectProblem(await read(bystander), 503, 'sealed')
    })
    await rightful()
    await rightfulClients()
    expect((await read(bystander)).status).toBe(200)
  })

  it('that is lost is made again by an operator, for servers that start afterwards', async () => {
    const { id, secret } = await vault.client(['tokenize'])
    const putBack = await keep('access_ledger', 'generation > $1', [0])
    await expect(vault.commands.rebuildLedger(OPERATOR)).rejects.toThrow(/is in order/)
    await sql('DELETE FROM access_ledger WHERE generation = 1')
    await withAnother(async (other) => {
      const rebuilt = await other.commands.rebuildLedger(OPERATOR)
      expect(await vault.events({ type: 'access.rebuild' })).toEqual([
        expect.objectContaining({
          outcome: 'success',
          count: rebuilt.count,
          caller: expect.objectContaining(OPERATOR),
        }),
      ])
      expect((await other.requestToken(id, secret)).status).toBe(200)
      expect((await read(bystander, other)).status).toBe(200)
      // One that knows the former ledger does not believe this one.
      expectProblem(await read(bystander), 503, 'sealed')
    })
    await putBack()
    expect((await read(bystander)).status).toBe(200)
  })

  it('of which an entry was left out accepts no one on a server that starts; taking access away works', async () => {
    const { id } = await vault.client(['tokenize'])
    const putBack = await keep('access_ledger', 'generation > $1', [0])
    await sql('DELETE FROM access_ledger WHERE generation = 1')
    await withAnother(async (other) => {
      expectProblem(await read(bystander, other), 503, 'sealed')
      expect(alertLines('access-ledger-changed', other)).toHaveLength(1)
      await other.commands.revokeClient(OPERATOR, id)
    })
    await putBack()
    await vi.waitFor(async () => {
      await takeIn()
      const entries = await sql('SELECT state FROM access_ledger WHERE subject = $1 ORDER BY generation', [
        `client ${id}`,
      ])
      expect(entries.at(-1)).toEqual({ state: null })
    }, PATIENCE)
  })
})
