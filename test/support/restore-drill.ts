import { writeFileSync } from 'node:fs'
import { expect, vi } from 'vitest'
import type { AppliedLog, ApplyLogRequest } from '../../src/restore/apply-log.ts'
import { addProcessor, destinationsFile, setSecret } from './destinations.ts'
import { createPartnerKeys } from './partner-keys.ts'
import { publishPolicy } from './policies.ts'
import { conditionalRole, roleFile } from './role-files.ts'
import { contact } from './samples.ts'
import type { TestVault } from './test-vault.ts'
import { exportLines } from './verify-both.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const PATIENCE = { timeout: 60_000, interval: 50 }
const CUSTODIANS = ['Meera Pillai', 'Jonas Weber']
const CUSTOMER = 'cus_restored'
const RELEASE = { purpose: 'enforce-rights', fields: ['email'], reason: 'Chargeback, as the bank asks' }

/** Roles that the newer log does not have. Bob needs a second person, and Cid sees one record a day. */
const olderRoles = roleFile({
  careful: conditionalRole({}),
  seconded: conditionalRole({ approval: true }),
  counted: conditionalRole({ budget: { per_day: 1, beyond: 'suspend' } }),
})

/** What a vault has when its backup is made. */
export interface BeforeBackup {
  /** Tokens of contacts, by what happens to them after the backup. */
  kept: string
  erased: string
  corrected: string
  released: string
  refused: string
  /** One whose shopper agrees to marketing, and no longer does later. */
  consented: string
  clients: Record<'revoked' | 'rotated', { id: string; secret: string }>
  partner: string
  /** A partner whose keys are replaced later. */
  changing: string
  /** An index key that is compromised later. */
  key: string
  /** Access tokens of people. */
  people: Record<'ann' | 'bob' | 'cid' | 'olga', string>
}

/** Fills a vault with what is taken away after the backup. */
export async function fillBeforeBackup(vault: TestVault): Promise<BeforeBackup> {
  const { commands } = vault
  await commands.applyRoles(OPERATOR, olderRoles)
  const stored = await Promise.all(Array.from({ length: 5 }, () => vault.tokenize({ contact })))
  const [kept, erased, corrected, released, refused] = stored.map((one) => one.contact!.token!) as [string, ...string[]]
  const agreed = await vault.tokenize({ contact, customer: CUSTOMER, consents: ['marketing'] })
  const contract = { name: 'Carrier', country: 'FR', contact: 'privacy@carrier.example', fields: ['address.city'] }
  const ends_at = new Date(Date.now() + 86_400_000)
  const people = {
    ann: await vault.staffToken('careful', { name: 'Ann' }),
    bob: await vault.staffToken('seconded', { name: 'Bob' }),
    cid: await vault.staffToken('counted', { name: 'Cid' }),
    olga: await vault.staffToken('privacy-officer', { name: 'Olga' }),
  }
  const before: BeforeBackup = {
    kept,
    erased: erased!,
    corrected: corrected!,
    released: released!,
    refused: refused!,
    consented: agreed.contact!.token!,
    people,
    clients: { revoked: await vault.client(['token:read']), rotated: await vault.client(['token:read']) },
    partner: (await commands.addPartner(OPERATOR, { ...contract, purposes: ['provide-goods'], ends_at })).id,
    changing: (
      await commands.addPartner(OPERATOR, {
        ...contract,
        purposes: ['provide-goods'],
        ends_at,
        keys: (await createPartnerKeys('before')).set,
      })
    ).id,
    key: (await commands.listKeys()).find(({ purpose, state }) => purpose === 'index' && state === 'active')!.id,
  }
  await publishPolicy(vault, { version: 'of-the-backup' })
  await commands.enableRetention(OPERATOR, (await commands.planRetention(OPERATOR)).plan)
  await setSecret(vault, 'processor-key', 'of the backup')
  await commands.applyDestinations(OPERATOR, destinationsFile(await addProcessor(vault)))
  const asked = await ask(vault, before.released, people.bob)
  expect((await decide(vault, asked, 'approve', people.olga)).status).toBe(200)
  await ask(vault, before.refused, people.bob)
  await settled(vault)
  return before
}

/**
 * Takes away what there is to be taken away, of every sort, and answers with the token of a record that only the newer
 * log knows.
 *
 * @param halfway called when one record and one client are gone
 */
export async function takeAllAway(
  vault: TestVault,
  before: BeforeBackup,
  halfway: () => Promise<void> = async () => {},
): Promise<string> {
  const { commands } = vault
  const { ann, bob, cid, olga } = before.people
  expect((await vault.call('DELETE', `/v1/tokens/${before.erased}`, { token: olga })).status).toBe(204)
  await commands.revokeClient(OPERATOR, before.clients.revoked.id)
  await halfway()
  const withdrawn = { token: olga, body: { customer: CUSTOMER, withdraw: ['marketing'] } }
  expect((await vault.call('POST', '/v1/customers/consents', withdrawn)).body.changed).toBe(1)
  const change = { token: olga, body: { phone: '+33612345678' } }
  expect((await vault.call('PATCH', `/v1/tokens/${before.corrected}`, change)).status).toBe(200)
  expect((await reveal(vault, before.kept, ann)).status).toBe(200)
  expect((await reveal(vault, before.released, bob)).status).toBe(200)
  expect((await decide(vault, await ask(vault, before.refused, bob), 'refuse', olga)).status).toBe(200)
  expect((await reveal(vault, before.kept, cid)).status).toBe(200)
  expect((await reveal(vault, before.corrected, cid)).body.code).toBe('budget-spent')
  expect(await suspended(vault)).toEqual(['staff:cid'])
  const lost = (await vault.tokenize({ contact })).contact!.token!
  await commands.rotateClientSecret(OPERATOR, before.clients.rotated.id)
  await commands.disableStaff(OPERATOR, 'staff:ann')
  await commands.disableStaff(OPERATOR, 'staff:Back')
  await commands.enableStaff(OPERATOR, 'staff:Back')
  await commands.endPartner(OPERATOR, before.partner)
  await commands.replacePartnerKeys(OPERATOR, before.changing, (await createPartnerKeys('after')).set)
  await commands.applyRoles(OPERATOR, roleFile({}))
  await commands.applyDestinations(OPERATOR, { format: 1, destinations: {} })
  await commands.applyDestinations(OPERATOR, destinationsFile(await addProcessor(vault)))
  await commands.compromiseKey(OPERATOR, before.key)
  const reviewAt = new Date(Date.now() + 86_400_000)
  await commands.addHold(OPERATOR, { token: before.corrected, purpose: 'enforce-rights', reason: 'Case 7', reviewAt })
  expect((await vault.call('DELETE', `/v1/tokens/${before.corrected}`, { token: olga })).body.code).toBe(
    'erasure-postponed',
  )
  await commands.disableRetention(OPERATOR)
  const { id } = await commands.addHold(OPERATOR, {
    token: before.kept,
    purpose: undefined,
    reason: 'Case 8',
    reviewAt,
  })
  await commands.releaseHold(OPERATOR, id)
  await vault.rotate('audit')
  const ceremony = await vault.rootKeys.beginCeremony(OPERATOR, { custodians: CUSTODIANS, threshold: 2 })
  await ceremony.complete(CUSTODIANS.map(() => new Date()))
  return lost
}

/**
 * What the report says about it, and what the vault does. The earlier roles are given back at the end, to show the
 * rest.
 */
export async function expectTakenAway(vault: TestVault, before: BeforeBackup, applied: AppliedLog): Promise<void> {
  const { commands } = vault
  const { clients, people } = before
  expect(applied.rootKey?.custodians).toEqual(CUSTODIANS)
  expect(await stateOf(vault, before.erased)).toBe(410)
  expect(await stateOf(vault, before.kept)).toBe(200)
  for (const { id, secret } of [clients.revoked, clients.rotated]) {
    expect((await vault.requestToken(id, secret)).body.error).toBe('invalid_client')
  }
  expect((await vault.call('GET', `/v1/tokens/${before.kept}`, { token: people.ann })).status).toBe(401)
  const partners = new Map((await commands.listPartners()).map((partner) => [partner.id, partner]))
  expect(partners.get(before.partner)!.ended_at).not.toBeNull()
  expect(partners.get(before.changing)).toMatchObject({ ended_at: null, keys: null })
  expect((await commands.listKeys()).find(({ id }) => id === before.key)!.state).toBe('compromised')
  expect(await commands.listHolds()).toMatchObject([
    { token: before.corrected, is: 'intact', hold: { reason: 'Case 7' } },
  ])
  const { roles } = await commands.readRoles()
  expect([...roles.values()].flatMap(({ grants }) => [...grants])).toEqual([])
  expect([...new Set([...roles.values()].flatMap(({ scopes }) => [...scopes]))]).toEqual(['tokenize'])
  expect((await commands.readDestinations()).destinations.size).toBe(0)
  expect(await suspended(vault)).toEqual(['staff:cid'])
  await commands.applyRoles(OPERATOR, olderRoles)
  expect((await reveal(vault, before.kept, people.cid)).body.code).toBe('caller-suspended')
  const mail = { token: await vault.staffToken('marketing'), body: { purpose: 'marketing' } }
  expect((await vault.call('POST', `/v1/tokens/${before.consented}/reveal`, mail)).body.code).toBe('consent-missing')
  for (const token of [before.released, before.refused]) {
    expect((await reveal(vault, token, people.bob)).body.code).toBe('approval-required')
  }
  expect((await commands.disableRetention(OPERATOR)).scopes).toEqual([])
  const query = { token: await vault.staffToken('support'), body: { purpose: 'respond-to-query', fields: ['email'] } }
  const postponed = await vault.call('POST', `/v1/tokens/${before.corrected}/reveal`, query)
  expect(postponed.body.code).toBe('erasure-postponed')
}

export async function settled(vault: TestVault): Promise<void> {
  const events = await vault.count('audit_events')
  await vi.waitUntil(async () => (await vault.count('audit_leaves')) >= events, PATIENCE)
}

export async function exportTo(vault: TestVault, file: string): Promise<void> {
  await settled(vault)
  writeFileSync(file, (await exportLines(vault)).map((line) => `${line}\n`).join(''))
}

export function applyLog(vault: TestVault, file: string, isDryRun = false): Promise<AppliedLog> {
  const request: ApplyLogRequest = { file, isDryRun, onProgress: () => {} }
  return vault.commands.applyLog(OPERATOR, request)
}

/** Why the vault is not ready; undefined when it is. */
export const readyCode = async (vault: TestVault): Promise<unknown> => (await vault.call('GET', '/readyz')).body.code

export const becomesReady = (vault: TestVault) => expect.poll(() => readyCode(vault), PATIENCE).toBeUndefined()

/** The status of a call that reads a record. */
export async function stateOf(vault: TestVault, token: string): Promise<number> {
  const reader = await vault.clientToken(['token:read'])
  return (await vault.call('GET', `/v1/tokens/${token}`, { token: reader })).status
}

function reveal(vault: TestVault, token: string, as: string) {
  return vault.call('POST', `/v1/tokens/${token}/reveal`, { token: as, body: RELEASE })
}

/** Asks for a release, and answers with the id of the request. */
async function ask(vault: TestVault, token: string, as: string): Promise<string> {
  const asked = await reveal(vault, token, as)
  expect(asked.body.code).toBe('approval-required')
  return asked.body.approval
}

function decide(vault: TestVault, id: string, verdict: string, as: string) {
  return vault.call('POST', `/v1/approvals/${id}/${verdict}`, { token: as })
}

async function suspended(vault: TestVault): Promise<string[]> {
  return (await vault.commands.listSuspended()).map(({ caller }) => caller)
}
