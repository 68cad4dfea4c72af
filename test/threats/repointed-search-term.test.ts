import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { termOf as storedTerm } from '../../src/records/record/record.ts'
import { searchHashes } from '../../src/records/record/sealed-record.ts'
import { takeTermMacs } from '../support/old-search-terms.ts'
import { contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { readVaultKeys } from '../support/vault-keys.ts'

/** The owner of the database makes a search answer with the record of another shopper. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let vault: TestVault
let support: string
let officer: string
let shoppers = 0

/** A shopper of their own, with one record. */
interface Shopper {
  email: string
  customer: string
  token: string
}
let mine: Shopper
let theirs: Shopper

async function shopper(site = 'default'): Promise<Shopper> {
  const at = ++shoppers
  const [email, customer] = [`shopper.${at}@example.sg`, `cus_shopper_${at}`]
  const body = { customer, contact: { name: contact.name, email } }
  return { email, customer, token: (await vault.tokenize(body, { site })).contact!.token! }
}

const sql = <Row = unknown>(text: string, values: unknown[] = []) => vault.database.sql<Row>(text, values)

async function search(by: string, value: string): Promise<string[]> {
  const { status, text, body } = await vault.call('POST', '/v1/search', { token: support, body: { by, value } })
  expect(status, text).toBe(200)
  return body.results.map(({ token }: { token: string }) => token)
}

/** The term under which a record is found by that value. */
async function termOf(by: 'email' | 'customer', value: string, site = 'default'): Promise<Buffer> {
  const ring = await readVaultKeys(vault)
  return storedTerm(searchHashes({ ring, verified: { marks: [] } } as never, site, by, value)[0]!)
}

/** What the alerts about search terms say that `work` raises. */
async function alertsOf(work: () => Promise<unknown>): Promise<object[]> {
  const line = vault.logLines.length
  await work()
  const lines = vault.logLines.slice(line).map((text) => JSON.parse(text) as Record<string, unknown>)
  return lines
    .filter(({ alert }) => alert === 'search-term-changed')
    .map(({ token, search_by, reason }) => ({ token, search_by, reason }))
}

/** A search finds nothing, twice, and there is one alert. */
async function expectLeftOut(by: 'email' | 'customer', value: string, about: { token?: string; reason: RegExp }) {
  const told = await alertsOf(async () => {
    expect(await search(by, value)).toEqual([])
    expect(await search(by, value)).toEqual([])
  })
  expect(told).toEqual([{ token: about.token, search_by: by, reason: expect.stringMatching(about.reason) }])
}

beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys })
  support = await vault.staffToken('support')
  officer = await vault.staffToken('privacy-officer')
})
beforeEach(async () => {
  mine = await shopper()
  theirs = await shopper()
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

it('an untouched term is found, and is not an alert', async () => {
  const told = await alertsOf(async () => {
    expect(await search('email', mine.email)).toEqual([mine.token])
    expect(await search('customer', mine.customer)).toEqual([mine.token])
    expect(await search('email', 'no.such.shopper@example.sg')).toEqual([])
  })
  expect(told).toEqual([])
})

describe('a search term that leads to the record of another shopper', () => {
  it.each<[string, string, RegExp]>([
    ['with the MAC that it had', '', /not its own/],
    [
      'with the MAC of a term of that record',
      ', mac = (SELECT mac FROM readable.search_terms WHERE token = $2 LIMIT 1)',
      /not its own/,
    ],
    ['with no MAC', ', mac = NULL', /no MAC/],
    ['with an empty MAC', ", mac = ''", /not its own/],
    ['with a longer MAC', ", mac = mac || '\\x00'", /not its own/],
    ['under the name of another key', ", mac = NULL, key_id = 'key_of_before'", /no MAC/],
  ])('%s finds nothing, and that is one alert', async (_what, change, reason) => {
    const term = await termOf('email', mine.email)
    await sql("SELECT readable.make_room_for_terms('key_of_before')")
    await sql(`UPDATE readable.search_terms SET token = $2 ${change} WHERE term = $1`, [term, theirs.token])
    await expectLeftOut('email', mine.email, { token: theirs.token, reason })
    expect(await search('email', theirs.email)).toEqual([theirs.token])
    expect(await search('customer', mine.customer)).toEqual([mine.token])
  })

  it('beside the one that is right hides none and adds none', async () => {
    const term = await termOf('email', mine.email)
    await sql(
      'INSERT INTO readable.search_terms SELECT term, $2, key_id, mac FROM readable.search_terms WHERE term = $1',
      [...[term, theirs.token]],
    )
    const told = await alertsOf(async () => expect(await search('email', mine.email)).toEqual([mine.token]))
    expect(told).toEqual([expect.objectContaining({ token: theirs.token })])
  })

  it('though the record is made to remember it', async () => {
    const term = await termOf('email', mine.email)
    await sql('UPDATE readable.search_terms SET token = $2 WHERE term = $1', [term, theirs.token])
    await sql('UPDATE readable.records SET terms = terms || $1 WHERE token = $2', [term, theirs.token])
    await expectLeftOut('email', mine.email, { token: theirs.token, reason: /not its own/ })
  })
})

it('a term of another type finds nothing: the MAC of a customer does not do for an address', async () => {
  const [email, customer] = [await termOf('email', mine.email), await termOf('customer', mine.customer)]
  await sql(
    `UPDATE readable.search_terms SET mac = (SELECT mac FROM readable.search_terms WHERE term = $2) WHERE term = $1`,
    [email, customer],
  )
  await expectLeftOut('email', mine.email, { token: mine.token, reason: /not its own/ })
  // A customer whose term is in the place of the address's.
  await sql('DELETE FROM readable.search_terms WHERE term = $1', [email])
  await sql('UPDATE readable.search_terms SET term = $1 WHERE term = $2', [email, customer])
  const told = await alertsOf(async () => expect(await search('email', mine.email)).toEqual([]))
  // The same news of the same term.
  expect(told).toEqual([])
})

describe('a term of another site', () => {
  it('that leads to a record here finds nothing there', async () => {
    const away = await shopper('partner')
    const term = await termOf('email', away.email, 'partner')
    await sql('UPDATE readable.search_terms SET token = $2 WHERE term = $1', [term, mine.token])
    const partner = await vault.staffToken('support', { site: 'partner' })
    const body = { by: 'email', value: away.email }
    const told = await alertsOf(async () =>
      expect((await vault.call('POST', '/v1/search', { token: partner, body })).body.results).toEqual([]),
    )
    expect(told).toEqual([{ token: mine.token, search_by: 'email', reason: 'leads to a record of another site' }])
  })

  it('that was copied here finds nothing here', async () => {
    const away = await shopper('partner')
    const term = await termOf('email', mine.email)
    await sql('UPDATE readable.search_terms SET token = $2 WHERE term = $1', [term, away.token])
    await expectLeftOut('email', mine.email, { token: away.token, reason: /another site/ })
  })
})

describe('a term that is put back', () => {
  it('after a correction finds nothing, and the current value is found', async () => {
    const before = await sql('SELECT * FROM readable.search_terms WHERE token = $1', [mine.token])
    const body = { email: `new.${mine.email}` }
    const storefront = await vault.staffToken('storefront')
    expect((await vault.call('PATCH', `/v1/tokens/${mine.token}`, { token: storefront, body })).status).toBe(200)
    expect(await search('customer', mine.customer)).toEqual([mine.token])
    for (const row of before) {
      await sql(
        `WITH there AS (SELECT * FROM json_populate_record(NULL::readable.search_terms, $1)),
              put_back AS (UPDATE readable.search_terms s SET mac = t.mac FROM there t WHERE s.term = t.term AND s.token = t.token RETURNING 1)
         INSERT INTO readable.search_terms SELECT * FROM there WHERE NOT EXISTS (SELECT FROM put_back)`,
        [
          JSON.stringify(row, (_key, value) =>
            value?.type === 'Buffer' ? `\\x${Buffer.from(value.data).toString('hex')}` : value,
          ),
        ],
      )
    }
    await expectLeftOut('email', mine.email, { token: mine.token, reason: /not its own/ })
    // The customer is the same, and the row is that of the version before.
    await expectLeftOut('customer', mine.customer, { token: mine.token, reason: /not its own/ })
    expect(await search('email', body.email)).toEqual([mine.token])
  })

  it('after an erasure finds nothing', async () => {
    await sql(
      'CREATE TABLE kept_terms AS SELECT * FROM readable.search_terms WHERE token = $1'.replace(
        '$1',
        `'${mine.token}'`,
      ),
    )
    expect((await vault.call('DELETE', `/v1/tokens/${mine.token}`, { token: officer })).status).toBe(204)
    await sql('INSERT INTO readable.search_terms SELECT * FROM kept_terms')
    await sql('DROP TABLE kept_terms')
    await expectLeftOut('email', mine.email, { token: mine.token, reason: /erased/ })
  })

  it('without its record finds nothing', async () => {
    const term = await termOf('email', mine.email)
    await sql('UPDATE readable.search_terms SET token = $2 WHERE term = $1', [term, `cont_${'0'.repeat(26)}`])
    // The kind of a token that leads to no record is not known.
    await expectLeftOut('email', mine.email, { reason: /no record/ })
  })

  it('with a text in the place of a token is refused by the table', async () => {
    const term = await termOf('email', mine.email)
    const change = sql('UPDATE readable.search_terms SET token = $2 WHERE term = $1', [term, 'a text of theirs'])
    await expect(change).rejects.toThrow(/null value/)
    expect(await search('email', mine.email)).toEqual([mine.token])
  })
})

it('many that lead elsewhere take no place from one that is right', async () => {
  const term = await termOf('email', mine.email)
  await sql(
    `INSERT INTO readable.search_terms SELECT $1, 'cont_' || lpad(at::text, 26, '0'), key_id, mac
     FROM readable.search_terms, generate_series(1, 150) at WHERE term = $1`,
    [term],
  )
  expect(await search('email', mine.email)).toEqual([mine.token])
})

it('the tokens of a customer, for the question of what the log says, are those that the vault wrote', async () => {
  const find = () => vault.commands.findCustomerTokens('default', mine.customer)
  expect(await find()).toEqual([mine.token])
  const term = await termOf('customer', mine.customer)
  await sql(
    'INSERT INTO readable.search_terms SELECT term, $2, key_id, mac FROM readable.search_terms WHERE term = $1',
    [...[term, theirs.token]],
  )
  const told = await alertsOf(async () => expect(await find()).toEqual([mine.token]))
  expect(told).toEqual([{ token: theirs.token, search_by: 'customer', reason: 'has a MAC that is not its own' }])
})

describe('in a vault from before terms had MACs', () => {
  // The tests before have left terms under other keys than the active one: a rotation would move those first.
  beforeEach(() =>
    sql("DELETE FROM readable.search_terms WHERE key_id NOT IN (SELECT id FROM keys WHERE state = 'active')"),
  )

  it('all is found as before, until a rotation gives every term its MAC and one without is refused', async () => {
    const [email, customer] = [await termOf('email', mine.email), await termOf('customer', mine.customer)]
    const old = await sql<{ term: Buffer; key_id: string }>(
      'SELECT term, key_id FROM readable.search_terms WHERE term = $1',
      [email],
    )
    await takeTermMacs(vault)
    expect(await search('email', mine.email)).toEqual([mine.token])
    expect(await vault.commands.findCustomerTokens('default', mine.customer)).toEqual([mine.token])

    // What is stored or corrected from now on has one.
    const fresh = await shopper()
    await sql('UPDATE readable.search_terms SET token = $2 WHERE term = $1', [
      await termOf('email', fresh.email),
      theirs.token,
    ])
    await expectLeftOut('email', fresh.email, { token: theirs.token, reason: /not its own/ })

    const result = await vault.rotate('index')
    expect(result).toMatchObject({ done: true, remaining: 0 })
    expect(await sql('SELECT FROM readable.search_terms WHERE mac IS NULL')).toEqual([])
    expect(await search('email', mine.email)).toEqual([mine.token])
    expect(await search('customer', mine.customer)).toEqual([mine.token])

    // Neither under the new key nor under the old one, which is still there to hash with.
    await sql('UPDATE readable.search_terms SET mac = NULL, token = $2 WHERE term = $1', [
      await termOf('email', mine.email),
      theirs.token,
    ])
    await expectLeftOut('email', mine.email, { token: theirs.token, reason: /no MAC/ })
    await sql('SELECT readable.make_room_for_terms($1)', [old[0]!.key_id])
    await sql('INSERT INTO readable.search_terms (term, token, key_id) VALUES ($1, $2, $3)', [
      ...[customer, theirs.token, old[0]!.key_id],
    ])
    const told = await alertsOf(async () => expect(await search('customer', mine.customer)).toEqual([mine.token]))
    // The old key is closed: nothing is looked up under it.
    expect(told).toEqual([])
  })

  it('a term under a key that was made since is refused without one, before the rotation has ended', async () => {
    await takeTermMacs(vault)
    const paused = new AbortController()
    await vault.rotate('index', { signal: paused.signal, onProgress: () => paused.abort() })
    const fresh = await shopper()
    await sql('UPDATE readable.search_terms SET mac = NULL, token = $2 WHERE term = $1', [
      ...[await termOf('email', fresh.email), theirs.token],
    ])
    await expectLeftOut('email', fresh.email, { token: theirs.token, reason: /no MAC/ })
    expect(
      await vault.commands.rotateKeys(
        OPERATOR,
        { purposes: ['index'] },
        { onProgress: () => {}, signal: new AbortController().signal },
      ),
    ).toMatchObject({ remaining: 0 })
    expect(await search('customer', fresh.customer)).toEqual([fresh.token])
  })
})
