import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { clientText } from '../../src/access/ledger/access-macs.ts'
import { findClientWithSecrets } from '../../src/access/ledger/client-store.ts'
import { type KeyPurpose, type KeyRow, macPurposes } from '../../src/keys/key/key.ts'
import { keyIdOf, makeMac } from '../../src/keys/registry/macs.ts'
import { createPartnerKeys } from '../support/partner-keys.ts'
import { shippedPolicyFile } from '../support/policies.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { cards, checkout } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { withVaultKeys } from '../support/vault-keys.ts'

vi.setConfig({ testTimeout: 60_000 })

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY_MS = 24 * 60 * 60 * 1000

let vault: TestVault
let second: TestVault
let order: Record<string, Record<string, string>>
let partner: string
let partnerClient: { id: string; secret: string }

beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys })
  second = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
  const role = conditionalRole({ approval: true })
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful: role }))
  const added = await vault.commands.addPartner(OPERATOR, {
    name: 'Carrier',
    country: 'MY',
    contact: 'despatch@carrier.example',
    purposes: ['provide-goods'],
    fields: ['address.country'],
    ends_at: new Date(Date.now() + 1000 * DAY_MS),
    keys: (await createPartnerKeys('carrier')).set,
  })
  partner = added.id
  partnerClient = await vault.client(['address:reveal'], { role: 'fulfilment', partner })
  await vault.commands.publishPolicy(OPERATOR, shippedPolicyFile)
  order = await vault.tokenize(checkout)
})
afterEach(async () => {
  for (const server of [vault, second]) server.clockOffsetMs = 0
  await vault.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const keys = () => vault.database.sql<KeyRow>('SELECT * FROM keys ORDER BY created_at, id')
const keyOf = async (purpose: KeyPurpose) =>
  (await keys()).find((key) => key.purpose === purpose && key.state === 'active')!.id
const compromise = async (purpose: KeyPurpose) => vault.commands.compromiseKey(OPERATOR, await keyOf(purpose))
const activeMacKeys = async () =>
  new Map(
    (await keys())
      .filter(({ purpose, state }) => state === 'active' && purpose.endsWith('-mac'))
      .map(({ purpose, id }) => [purpose, id]),
  )

const revealCard = (token: string, on: TestVault) =>
  on.call('POST', `/v1/tokens/${order.card!.token}/reveal`, {
    token,
    body: { purpose: 'enforce-rights', fields: ['number'], reason: 'A dispute' },
  })

/** A release that a second person has approved, and that has not left yet. */
async function approveRelease(): Promise<string> {
  const asker = await vault.staffToken('careful', { name: 'Ann' })
  const { approval } = (await revealCard(asker, vault)).body
  const olga = await vault.staffToken('privacy-officer', { name: 'Olga' })
  expect((await vault.call('POST', `/v1/approvals/${approval}/approve`, { token: olga })).status).toBe(200)
  return asker
}

/** The ids of the keys that made the MACs of what is in force. */
async function keysOfMacs(): Promise<string[]> {
  const rows = await vault.database.sql<{ mac: Buffer }>(`SELECT mac FROM clients WHERE revoked_at IS NULL
    UNION ALL SELECT mac FROM partners UNION ALL SELECT mac FROM approvals WHERE state = 'approved'
    UNION ALL (SELECT mac FROM role_sets ORDER BY revision DESC LIMIT 1)`)
  return [...new Set(rows.map(({ mac }) => keyIdOf(mac)))]
}

describe('fresh MAC keys', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['a new root key', () => vault.rootKeys.rotate(OPERATOR)],
    ['"keys rotate mac"', () => vault.rotate('mac')],
    ['a compromised data key', () => compromise('secret')],
    ['a compromised key of the registry', () => compromise('registry-mac')],
    ['a compromised key of access', () => compromise('access-mac')],
    [
      'an unattended vault, at 80 % of the cryptoperiod',
      async () => {
        for (const server of [vault, second]) server.clockOffsetMs = 0.81 * 365 * DAY_MS
        await vault.background.tasks.get('keep-mac-keys')!.run()
      },
    ],
  ])('come with %s; everything that they authenticate stays valid, on every server', async (_name, replace) => {
    const before = await activeMacKeys()
    const asker = await approveRelease()
    const { id, secret } = await vault.client(['tokenize'])

    await replace()
    for (const server of [vault, second]) server.clockOffsetMs = 0
    const now = await activeMacKeys()
    expect([...now.keys()].sort()).toEqual([...macPurposes].sort())
    for (const purpose of macPurposes) expect(now.get(purpose), purpose).not.toBe(before.get(purpose))
    const former = (await keys()).find((key) => key.id === before.get('registry-mac'))
    expect(former).toMatchObject({ state: 'destroyed', wrapped: null })
    expect(await keysOfMacs()).toEqual([now.get('access-mac')])

    for (const server of [second, vault]) {
      expect((await server.requestToken(id, secret)).status).toBe(200)
      const { access_token: token } = (await server.requestToken(partnerClient.id, partnerClient.secret)).body
      const seen = await server.call('POST', `/v1/tokens/${order.shipping_address!.token}/reveal`, {
        token,
        body: { purpose: 'provide-goods' },
      })
      expect(seen.body.data).toEqual({ country: 'SG' })
      const released = await server.call('POST', `/v1/tokens/${order.shipping_address!.token}/release`, {
        token,
        body: { partner, purpose: 'provide-goods' },
      })
      expect(released.status, released.text).toBe(200)
    }
    expect((await revealCard(asker, second)).body.data).toEqual({ number: cards.visa })
    for (const server of [vault, second])
      expect(server.logLines.join('')).not.toMatch(/(access|roles|policies|approval)-changed/)
  })

  it('do not validate what the vault did not write, and MACs of a former key do not count', async () => {
    const [forged, old] = [await vault.client(['tokenize']), await vault.client(['tokenize'])]
    await vault.database.sql("UPDATE clients SET scopes = '{card:reveal}', role = 'billing' WHERE id = $1", [forged.id])
    const formerKey = await withVaultKeys(vault, async ({ keys }) => keys.ring.active('access-mac'))
    await vault.rotate('mac')
    for (const server of [vault, second]) server.clockOffsetMs = 60_000
    await withVaultKeys(vault, async ({ database }) => {
      const client = (await findClientWithSecrets(database, old.id))!
      const changed = { ...client, scopes: ['card:reveal' as const], role: 'billing' }
      const { domain, text } = clientText(changed)
      await vault.database.sql('UPDATE clients SET scopes = $2, role = $3, mac = $4 WHERE id = $1', [
        ...[old.id, changed.scopes, changed.role],
        makeMac(formerKey, domain, text),
      ])
    })
    for (const { id, secret } of [forged, old]) expect((await second.requestToken(id, secret)).status).toBe(401)
    expect(second.logLines.filter((line) => line.includes('"access-changed"'))).toHaveLength(2)
    for (const { id } of [forged, old]) await vault.commands.revokeClient(OPERATOR, id)
  })

  it('leave no client out that is made, or given another secret, while they are replaced', async () => {
    const changed = await vault.client(['tokenize'])
    let secret = changed.secret
    const made: { id: string; secret: string }[] = []
    let isOver = false
    const making = (async () => {
      while (!isOver) {
        made.push(await vault.client(['tokenize']))
        secret = (await second.commands.rotateClientSecret(OPERATOR, changed.id)).expose()
      }
    })()
    for (let times = 0; times < 3; times++) await vault.rootKeys.rotate(OPERATOR)
    isOver = true
    await making
    expect(await keysOfMacs()).toEqual([await keyOf('access-mac')])
    for (const client of [made[0]!, made.at(-1)!, { id: changed.id, secret }]) {
      expect((await vault.requestToken(client.id, client.secret)).status).toBe(200)
    }
  })
})
