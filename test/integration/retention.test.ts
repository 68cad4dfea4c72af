import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { adoptPolicy, policyFile, publishPolicy } from '../support/policies.ts'
import { card, contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY = 24 * 60 * 60 * 1000
const VERSION = '2026-11-01'

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys, config: { keepsLog: true, erasures: { backupDays: 30 } } })
  await publishPolicy(vault, { version: VERSION })
}, 60_000)
afterEach(() => {
  vault.clockOffsetMs = 0
  return vault.checkInvariants()
})
afterAll(() => vault.stop())

async function store(consents: string[] = [], version: string | null = VERSION): Promise<string> {
  const policy_version = version ?? undefined
  return (await vault.tokenize({ card, consents, policy_version })).card!.token!
}

async function statusOf(token: string): Promise<number> {
  const reader = await vault.clientToken(['token:read'])
  return (await vault.call('GET', `/v1/tokens/${token}`, { token: reader })).status
}

async function erase(token: string) {
  const officer = await vault.staffToken('privacy-officer')
  return vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })
}

function run() {
  return vault.commands.runRetention(OPERATOR, { onProgress: () => {}, signal: new AbortController().signal })
}

async function enable(): Promise<void> {
  const { plan } = await vault.commands.planRetention(OPERATOR)
  await vault.commands.enableRetention(OPERATOR, plan)
}

function hold(token: string, reason = 'Case 7: the bank asks') {
  const request = { token, purpose: 'enforce-rights', reason, reviewAt: new Date(Date.now() + 400 * DAY) } as const
  return vault.commands.addHold(OPERATOR, request)
}

describe('retention', () => {
  it('erases nothing before an operator has enabled the rules that a dry run has shown', async () => {
    const { commands } = vault
    const [settled, stored] = [await store(), await store(['store-card'])]
    expect(await commands.verifyRetention()).toMatchObject({ ok: true, overdue: 0 })
    vault.clockOffsetMs = 122 * DAY
    const { plan, classes } = await commands.planRetention(OPERATOR)
    expect(classes).toMatchObject([
      { of: { kind: 'card', consents: [] }, rule: { days: 120 }, due: 1, isEnabled: false },
    ])
    expect(await run()).toEqual({ erased: 0, held: 0, not_enabled: 1 })
    expect(await commands.verifyRetention()).toMatchObject({ ok: false, overdue: 1, not_enabled: 1 })
    await expect(commands.enableRetention(OPERATOR, 'feedfeedfeedfeed')).rejects.toThrow(
      'look at them with "strongroom retention run --dry-run"',
    )
    expect(await statusOf(settled)).toBe(200)

    await commands.enableRetention(OPERATOR, plan)
    expect(await run()).toEqual({ erased: 1, held: 0, not_enabled: 0 })
    expect([await statusOf(settled), await statusOf(stored)]).toEqual([410, 200])
    expect(await commands.verifyRetention()).toMatchObject({ ok: true, overdue: 0 })
    const events = await vault.events()
    const types = events.map(({ type }) => type).filter((type) => /^(retention|record\.erase)/.test(String(type)))
    expect(types).toEqual([
      'retention.run',
      'retention.run',
      'retention.enable',
      'record.erase-intent',
      'record.erase',
      'retention.run',
    ])
    expect(await vault.events({ type: 'record.erase', token: settled })).toMatchObject([{ reason: 'retention' }])
  })

  it('keeps records of a version that was published later until that one is enabled', async () => {
    await enable()
    await publishPolicy(vault, { version: 'later', settlement_days: 1 })
    const token = await store([], 'later')
    vault.clockOffsetMs = 3 * DAY
    expect(await run()).toEqual({ erased: 0, held: 0, not_enabled: 1 })
    await enable()
    expect(await run()).toMatchObject({ erased: 1 })
    expect(await statusOf(token)).toBe(410)
  })

  it('keeps records without a version until one is adopted for them, and that is enabled', async () => {
    const token = await store([], null)
    vault.clockOffsetMs = 122 * DAY
    await enable()
    expect(await run()).toMatchObject({ erased: 0, not_enabled: 0 })
    await adoptPolicy(vault, VERSION)
    expect(await run()).toMatchObject({ erased: 0, not_enabled: 1 })
    await enable()
    expect(await run()).toMatchObject({ erased: 1 })
    expect(await statusOf(token)).toBe(410)
    await vault.commands.disableRetention(OPERATOR)
    const later = await store()
    vault.clockOffsetMs = 250 * DAY
    expect(await run()).toMatchObject({ erased: 0, not_enabled: 1 })
    await enable()
    expect(await run()).toMatchObject({ erased: 1 })
    expect(await statusOf(later)).toBe(410)
  })

  it('erases nothing by policies that were changed outside the vault', async () => {
    await enable()
    const token = await store()
    const [{ document }] = (await vault.database.sql<{ document: string }>(
      'SELECT document FROM privacy_policies WHERE version = $1',
      [VERSION],
    )) as [{ document: string }]
    const change = 'UPDATE privacy_policies SET document = $2 WHERE version = $1'
    await vault.database.sql(change, [VERSION, policyFile({ version: VERSION, settlement_days: 0 })])
    vault.clockOffsetMs = DAY
    try {
      await vi.waitFor(() => expect(run()).rejects.toThrow('nothing is erased by them'))
    } finally {
      await vault.database.sql(change, [VERSION, document])
    }
    expect(await statusOf(token)).toBe(200)
    expect((await erase(token)).status).toBe(204)
  })
})

describe('a hold', () => {
  it('keeps its record from retention and from callers, and its release erases what it postponed', async () => {
    await enable()
    const [asked, due, free] = [await store(), await store(), await store()]
    const holds = [await hold(asked), await hold(due)]
    const refused = await erase(asked)
    expect([refused.status, refused.body.code]).toEqual([409, 'erasure-postponed'])
    expect(await vault.events({ type: 'record.erase-intent', token: asked })).toMatchObject([
      { code: 'erasure-postponed', reason: 'request' },
    ])
    vault.clockOffsetMs = 122 * DAY
    expect(await run()).toMatchObject({ erased: 1, held: 2 })
    expect([await statusOf(asked), await statusOf(due), await statusOf(free)]).toEqual([200, 200, 410])
    expect(await vault.commands.verifyRetention()).toMatchObject({ ok: true, held: 2, overdue: 0, unfinished: 0 })

    for (const { id } of holds) expect(await vault.commands.releaseHold(OPERATOR, id)).toMatchObject({ isErased: true })
    expect([await statusOf(asked), await statusOf(due)]).toEqual([410, 410])
    expect(await vault.events({ type: 'record.erase', token: asked })).toMatchObject([{ reason: 'request' }])
    expect(await vault.events({ type: 'hold.release', token: asked })).toHaveLength(1)
  })

  it('lets a record whose erasure it postpones be released for its purpose alone, on every server', async () => {
    const token = (await vault.tokenize({ contact, policy_version: VERSION })).contact!.token!
    const other = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
    const [support, legal] = [await vault.staffToken('support'), await vault.staffToken('legal')]
    const reveal = async (server: TestVault, as: string, purpose: string) => {
      const body = { purpose, fields: ['email'] }
      const { status, body: answer } = await server.call('POST', `/v1/tokens/${token}/reveal`, { token: as, body })
      return status === 200 ? 200 : answer.code
    }
    const query = (server: TestVault) => reveal(server, support, 'respond-to-query')
    try {
      await hold(token)
      for (const server of [vault, other]) expect(await query(server)).toBe(200)
      let isRefused = false
      const late: unknown[] = []
      const asking = Array.from({ length: 4 }, async () => {
        for (let asked = 0; asked < 15; asked++) {
          const begunAfter = isRefused
          const answer = await query(other)
          if (begunAfter) late.push(answer)
        }
      })
      expect((await erase(token)).status).toBe(409)
      isRefused = true
      await Promise.all(asking)
      expect([...new Set([...late, await query(vault), await query(other)])]).toEqual(['erasure-postponed'])
      for (const server of [vault, other]) expect(await reveal(server, legal, 'enforce-rights')).toBe(200)
      expect(await vault.commands.releaseHold(OPERATOR, token)).toMatchObject({ isErased: true })
      expect(await reveal(other, legal, 'enforce-rights')).toBe('record-gone')
    } finally {
      await other.stop()
    }
  })

  it('keeps a record for as long as one of several is there', async () => {
    const token = await store()
    const [one, two] = [await hold(token, 'Case 1'), await hold(token, 'Case 2')]
    expect((await erase(token)).status).toBe(409)
    expect(await vault.commands.releaseHold(OPERATOR, one.id)).toMatchObject({ isHeld: true, isErased: false })
    expect(await statusOf(token)).toBe(200)
    expect(await vault.commands.releaseHold(OPERATOR, two.id)).toMatchObject({ isHeld: false, isErased: true })
    expect(await statusOf(token)).toBe(410)
    await expect(hold(token)).rejects.toThrow('the record is erased already')
  })

  it('keeps nothing when it was added outside the vault, and keeps all when it was removed or changed there', async () => {
    const [added, removed, changed] = [await store(), await store(), await store()]
    await hold(removed)
    await hold(changed)
    await vault.database.sql(
      `INSERT INTO holds (created_at, review_at, token, kind, site, id, reason)
       SELECT now(), now() + interval '1 day', t.token, t.kind, t.site, 'hold_forged', 'x' FROM records t
       WHERE t.token = id_uuid($1)`,
      [added],
    )
    await vault.database.sql('DELETE FROM holds WHERE token = id_uuid($1)', [removed])
    await vault.database.sql(`UPDATE holds SET review_at = review_at + interval '9 years' WHERE token = id_uuid($1)`, [
      changed,
    ])
    const listed = await vault.commands.listHolds()
    const of = (token: string) => listed.filter((one) => one.token === token).map(({ is }) => is)
    expect([of(added), of(removed), of(changed)]).toEqual([['added'], ['removed'], ['changed']])
    expect((await vault.commands.verifyRetention()).changed.toSorted()).toEqual([added, removed, changed].toSorted())
    await vault.background.tasks.get('run-retention')!.run()
    const alerts = vault.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === 'holds-changed')
    expect(alerts.map(({ token }) => token).toSorted()).toEqual([added, removed, changed].toSorted())
    expect((await erase(added)).status).toBe(204)
    for (const token of [removed, changed]) {
      expect((await erase(token)).status).toBe(409)
      await expect(hold(token)).rejects.toThrow('changed outside the vault')
      expect(await vault.commands.releaseHold(OPERATOR, token)).toMatchObject({ isErased: true })
    }
    await vault.database.sql(`DELETE FROM holds WHERE id = 'hold_forged'`)
  })

  it('races erasures: an erasure that was acknowledged is done, and a hold that was acknowledged keeps', async () => {
    for (let round = 0; round < 12; round++) {
      const token = await store()
      const [held, erased] = await Promise.all([
        hold(token).then(
          () => true,
          () => false,
        ),
        erase(token),
      ])
      expect(held ? [409] : [204], `round ${round}`).toContain(erased.status)
      expect(await statusOf(token)).toBe(held ? 200 : 410)
      if (held) expect(await vault.commands.releaseHold(OPERATOR, token)).toMatchObject({ isErased: true })
    }
  })

  it('lives through the replacement of the MAC keys and a ledger that is rebuilt, and retention stays enabled by the first', async () => {
    await enable()
    const token = await store()
    await hold(token)
    const keys = await vault.commands.listKeys()
    await vault.commands.compromiseKey(
      OPERATOR,
      keys.find((key) => key.purpose === 'access-mac' && key.state === 'active')!.id,
    )
    vault.clockOffsetMs = 122 * DAY
    expect((await vault.commands.planRetention(OPERATOR)).classes.every(({ isEnabled }) => isEnabled)).toBe(true)
    const state = () => vault.commands.listHolds().then((all) => all.find((one) => one.token === token)?.is)
    expect(await state()).toBe('intact')
    await vault.database.sql("UPDATE access_ledger SET state = 'x' WHERE subject = $1", [`held ${token}`])
    const other = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
    try {
      await other.commands.rebuildLedger(OPERATOR)
      expect((await other.commands.listHolds()).find((one) => one.token === token)?.is).toBe('intact')
      expect((await other.commands.planRetention(OPERATOR)).classes.some(({ isEnabled }) => isEnabled)).toBe(false)
      expect(await other.commands.releaseHold(OPERATOR, token)).toMatchObject({ isErased: false })
    } finally {
      await other.stop()
    }
  })
})
