import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { knownMigrations } from '../../src/database/migration/migrate.ts'
import { macPurposes } from '../../src/keys/key/key.ts'
import { keyIdOf } from '../../src/keys/registry/macs.ts'
import { itKeepsWhatItHeld, limitsOf } from '../support/kept-by-upgrade.ts'
import { oldVaults, readOldVaultFacts } from '../support/old-vault.ts'
import type { TestDatabase } from '../support/postgres.ts'
import { checkout } from '../support/samples.ts'
import type { TestVault } from '../support/test-vault.ts'
import { UpgradedVault } from '../support/upgraded-vault.ts'

/** A vault that an earlier version filled and left at that migration. */
describe.each(oldVaults)('a vault of migration %s', (name) => {
  const facts = readOldVaultFacts(name)
  let upgraded: UpgradedVault
  let vault: TestVault
  let database: TestDatabase

  beforeAll(async () => {
    upgraded = await UpgradedVault.start(name, { limits: limitsOf(facts) })
    ;({ vault, database } = upgraded)
    const at = knownMigrations.indexOf(name)
    expect(upgraded.applied).toEqual(knownMigrations.slice(at + 1))
  })
  afterAll(() => upgraded?.stop())

  const tokenOf = (part: string) => facts.order.answer[part]!.token

  itKeepsWhatItHeld(facts, () => vault)

  it('holds what it held: everything opens and agrees with the log, before a rotation and after it', async () => {
    const operator = { id: 'operator:test', kind: 'operator' } as const
    const found: unknown[] = []
    const control = { onFinding: (finding: unknown) => found.push(finding), onProgress: () => {} }
    const before = await vault.commands.verifyRecords(operator, control)
    expect(found).toEqual([])
    expect(before.unbound).toBe(0)
    expect(await vault.rotate()).toMatchObject({ done: true })
    expect(await vault.commands.verifyRecords(operator, control)).toMatchObject({ ok: true, unbound: 0 })
    expect(found).toEqual([])
  })

  it('keeps a disabled person out', async () => {
    const person = facts.disabled.replace('staff:', '')
    const token = await vault.staffToken('support', { name: person })
    const answer = await vault.call('GET', `/v1/tokens/${tokenOf('card')}`, { token })
    expect(answer.status).toBe(401)
  })

  it('keeps a request for approval: another person approves it, and it lets the record out', async () => {
    const { approval } = facts.asked.body
    const { caller, reason } = facts.asked
    const officer = await vault.staffToken('privacy-officer', { name: 'Olga' })
    const listed = await vault.call('GET', '/v1/approvals', { token: officer })
    expect(listed.body.approvals).toEqual([expect.objectContaining({ id: approval, record_version: 1 })])
    const own = await vault.staffToken('privacy-officer', { name: caller.toUpperCase() })
    expect((await vault.call('POST', `/v1/approvals/${approval}/approve`, { token: own })).status).toBe(403)
    const reveal = async () =>
      vault.call('POST', `/v1/tokens/${tokenOf('card')}/reveal`, {
        token: await vault.staffToken('investigator', { name: caller }),
        body: { purpose: 'enforce-rights', reason },
      })
    expect((await reveal()).body).toMatchObject({ code: 'approval-required', approval })
    expect(vault.logLines.join('')).not.toContain('approval-changed')
    const approved = await vault.call('POST', `/v1/approvals/${approval}/approve`, { token: officer })
    expect(approved.status, approved.text).toBe(200)
    const answer = await reveal()
    expect(answer.status, answer.text).toBe(200)
    expect(answer.body.data.number).toBe('4242424242424242')
    expect((await reveal()).status).toBe(403)
  })

  it('has the record of its migrations, for which it vouches, with an event for those that changed the tables', async () => {
    const applied = await database.sql<{ name: string }>('SELECT name FROM migrations ORDER BY id')
    expect(applied.map((row) => row.name)).toEqual(knownMigrations)
    const events = await database.sql<{ body: string }>(
      "SELECT body FROM audit_events WHERE type = id_of('type', 'migrate') ORDER BY position",
    )
    expect(events.map(({ body }) => JSON.parse(body).migrations.at(-1))).toEqual([name, knownMigrations.at(-1)])
    expect((await vault.call('GET', '/readyz')).status).toBe(200)
  })

  it('has MAC keys of their own', async () => {
    const inventory = await vault.commands.takeInventory()
    const active = inventory.filter(({ purpose, state }) => purpose.endsWith('-mac') && state === 'active')
    expect(active.map(({ purpose }) => purpose)).toEqual(macPurposes)
    const rows = await database.sql<{ mac: Buffer }>(
      'SELECT mac FROM clients WHERE mac IS NOT NULL UNION ALL SELECT mac FROM partners UNION ALL SELECT mac FROM role_sets',
    )
    expect(rows.length).toBeGreaterThan(0)
    const accessKey = active.find(({ purpose }) => purpose === 'access-mac')!.id
    expect(new Set(rows.map(({ mac }) => keyIdOf(mac)))).toEqual(new Set([accessKey]))
  })

  it('has its access in a ledger, so that what was in force before the upgrade does not come back either', async () => {
    const subjects = await database.sql<{ subject: string }>('SELECT DISTINCT subject FROM access_ledger')
    const kinds = new Set(subjects.map(({ subject }) => subject.split(' ')[0]))
    expect(kinds).toEqual(new Set(['client', 'partner', 'roles', 'disabled']))
    await database.sql('CREATE TABLE kept_disabled AS SELECT * FROM disabled_staff; DELETE FROM disabled_staff')
    try {
      const token = await vault.staffToken('support', { name: 'mallory q' })
      expect((await vault.call('GET', `/v1/tokens/${tokenOf('card')}`, { token })).status).toBe(401)
    } finally {
      await database.sql('INSERT INTO disabled_staff SELECT * FROM kept_disabled; DROP TABLE kept_disabled')
    }
  })

  it('finds cards by number, before a rotation of their keys and after it', async () => {
    const find = async () => {
      const answer = await vault.call('POST', '/v1/search', {
        token: await vault.staffToken('billing'),
        body: { by: 'card_number', value: checkout.card.number, purpose: 'process-payment' },
      })
      expect(answer.status, answer.text).toBe(200)
      return answer.body.results.map(({ token }: { token: string }) => token)
    }
    const termsOfCards = async () => {
      const status = await vault.commands.keyStatus()
      const keys = status.filter(({ purpose }) => purpose === 'card-index')
      return keys.reduce((sum, { search_terms }) => sum + search_terms!, 0)
    }
    const [{ cards } = { cards: 0 }] = await database.sql<{ cards: number }>(
      "SELECT count(*)::integer AS cards FROM records WHERE kind = id_of('kind', 'card') AND erased_at IS NULL",
    )
    expect(await find()).toContain(tokenOf('card'))
    expect(await termsOfCards()).toBe(cards)
    expect(await vault.rotate('index')).toMatchObject({ done: true })
    expect(await find()).toContain(tokenOf('card'))
    expect(await termsOfCards()).toBe(cards)
  })

  it('keeps a person out under every spelling of their name', async () => {
    for (const spelling of ['mallory q', 'MALLORY Q', 'Mallory Ｑ ']) {
      const token = await vault.staffToken('support', { name: spelling })
      expect((await vault.call('GET', `/v1/tokens/${tokenOf('card')}`, { token })).status, spelling).toBe(401)
    }
  })
})
