import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keyTimes } from '../../src/keys/key/key-times.ts'
import { cards, checkout, contact, person } from '../support/samples.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const MAX_USES = 2 ** 31
/** A server that reports more often would take the last uses of a key that a test has left to another one. */
const overrides = { keyTimes: { ...steadyKeys.keyTimes, reportEveryMs: keyTimes.reportEveryMs } }
/** Many ticks of the tasks that look at the keys. */
const SOON = { timeout: 20_000 }

let vault: TestVault
let tokens: Record<string, string>

beforeEach(async () => {
  vault = await TestVault.start({ overrides })
  const parts = await vault.tokenize(checkout)
  tokens = { card: parts.card!.token!, contact: parts.contact!.token! }
})
afterEach(async () => {
  await vault.checkInvariants()
  await vault.stop()
})

const tokenize = (token: string, on = vault) => on.call('POST', '/v1/tokenize', { token, body: { contact } })
const refusal = ({ status, body }: Awaited<ReturnType<TestVault['call']>>) => `${status} ${body.code}`

/** The tokens of that moment: those from before have expired. */
async function signIn() {
  return {
    checkout: await vault.clientToken(['tokenize']),
    legal: await vault.staffToken('legal'),
    support: await vault.staffToken('support'),
    officer: await vault.staffToken('privacy-officer'),
  }
}

function alerts(code: string) {
  return vault.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === code)
}

async function passDays(days: number): Promise<void> {
  vault.clockOffsetMs = days * DAY_MS
}

async function expectReadsGoOn(as: Awaited<ReturnType<typeof signIn>>): Promise<void> {
  const read = await vault.call('GET', `/v1/tokens/${tokens.card}`, { token: as.support })
  expect(read.body).toMatchObject({ last4: cards.visa.slice(-4) })
  const revealed = await vault.call('POST', `/v1/tokens/${tokens.contact}/reveal`, {
    token: as.legal,
    body: { purpose: 'enforce-rights' },
  })
  expect(revealed.body.data).toMatchObject({ email: person.email })
  const found = await vault.call('POST', '/v1/search', {
    token: as.support,
    body: { by: 'email', value: person.email },
  })
  expect(found.body.results.map(({ token }: { token: string }) => token)).toContain(tokens.contact)
}

describe('data keys that are older than a year', () => {
  it('seal nothing more: every write is refused as key-expired, reads and erasures work, and a rotation ends it', async () => {
    await passDays(366)
    const as = await signIn()
    const refused = await tokenize(as.checkout)
    expect(refusal(refused)).toBe('503 key-expired')
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    const patch = await vault.call('PATCH', `/v1/tokens/${tokens.contact}`, {
      token: as.support,
      body: { name: 'Another Name' },
    })
    expect(refusal(patch)).toBe('503 key-expired')
    const batch = await vault.call('POST', '/v1/tokenize/batch', { token: as.checkout, body: { items: [{ contact }] } })
    expect(refusal(batch)).toBe('503 key-expired')
    await expectReadsGoOn(as)
    const erased = await vault.call('DELETE', `/v1/tokens/${tokens.card}`, { token: as.officer })
    expect(erased.status).toBe(204)
    expect(await vault.count('records')).toBe(4)

    await vault.rotate()
    expect((await tokenize(as.checkout)).status).toBe(201)
  })

  it('do not seal the reason of a reveal either: without its reason nothing is released', async () => {
    await passDays(366)
    const { legal } = await signIn()
    const answer = await vault.call('POST', `/v1/tokens/${tokens.contact}/reveal`, {
      token: legal,
      body: { purpose: 'enforce-rights', reason: 'a request of the court' },
    })
    expect(refusal(answer)).toBe('503 key-expired')
    expect(answer.text).not.toContain(person.email)
    expect(await vault.events({ type: 'record.reveal' })).toEqual([])
  })

  it('are warned of from 80 % on, and alerted when they have expired, each once', async () => {
    await passDays(0.79 * 365)
    await vault.commands.takeInventory()
    expect(alerts('key-expiring')).toEqual([])
    await passDays(0.81 * 365)
    const worn = () =>
      alerts('key-expiring')
        .map(({ purpose }) => purpose)
        .sort()
    await vi.waitUntil(() => worn().length >= 5, SOON)
    expect(worn()).toEqual(['audit-signing', 'certificate-signing', 'display', 'root', 'secret'])
    const { checkout: bearer } = await signIn()
    expect((await tokenize(bearer)).status).toBe(201)

    await passDays(366)
    await vi.waitUntil(() => alerts('key-expired').length >= 5, SOON)
    const expired = alerts('key-expired')
    expect(expired.map(({ purpose }) => purpose).sort()).toEqual([
      'audit-signing',
      'certificate-signing',
      'display',
      'root',
      'secret',
    ])
    expect(expired[0]).toMatchObject({ level: 'error', key: expect.any(String), expires_at: expect.any(String) })
    const { body } = await vault.metrics.text()
    expect(body).toMatch(/^strongroom_key_expires_seconds\{purpose="secret"\} -\d+/m)
    expect(body).toMatch(/^strongroom_alerts_total\{alert="key-expired"\} 5$/m)
  })
})

describe('an index key that is older than two years', () => {
  it('makes no new search terms, and still finds what is there', async () => {
    // The data keys are new, so that only the index key is in the way.
    await passDays(731)
    await vault.rotate()
    const as = await signIn()
    const terms = await vault.count('search_terms')
    expect(refusal(await tokenize(as.checkout))).toBe('503 key-expired')
    expect(await vault.count('search_terms')).toBe(terms)
    await expectReadsGoOn(as)
  })
})

describe('a key that was used 2^31 times', () => {
  it('seals what is left to it and nothing more, while reads work', async () => {
    await vault.database.sql(
      `UPDATE key_uses SET reserved = 0, uses = ${MAX_USES - 3} WHERE key_id = (SELECT id FROM keys WHERE purpose = 'secret')`,
    )
    const late = await TestVault.start({ sharedDatabase: vault.database, overrides })
    try {
      const as = await signIn()
      const answers = []
      for (let at = 0; at < 5; at++) answers.push(await tokenize(as.checkout, late))
      expect(answers.map(({ status, body }) => body.code ?? status)).toEqual([
        201,
        201,
        201,
        'key-expired',
        'key-expired',
      ])
      await expectReadsGoOn(as)
    } finally {
      await late.stop()
    }
  })

  it('is noticed by a server that holds uses in reserve', async () => {
    const as = await signIn()
    await vault.database.sql(
      `UPDATE key_uses SET uses = ${MAX_USES} WHERE key_id = (SELECT id FROM keys WHERE purpose = 'display')`,
    )
    await vi.waitUntil(async () => (await tokenize(as.checkout)).body.code === 'key-expired', SOON)
    await expectReadsGoOn(as)
  })
})
