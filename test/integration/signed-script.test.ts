import { createPublicKey, hash, verify } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { version } from '../../src/config/version.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY_MS = 24 * 60 * 60 * 1000
const SOON = { timeout: 20_000 }
const EVERGREEN = 'public, max-age=300'

let vault: TestVault
let second: TestVault

beforeEach(async () => {
  vault = await TestVault.start({ overrides: quickKeys })
  second = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
})
afterEach(async () => {
  await vault.checkInvariants()
  await second.stop()
  await vault.stop()
})

interface Pin {
  integrity: string
  signs_until: string | null
}

const servers = () => [vault, second]
const at = (days: number) => {
  for (const server of servers()) server.clockOffsetMs = days * DAY_MS
}
const script = (on = vault) => on.call('GET', '/checkout.js')
const pins = async (on = vault): Promise<Pin[]> => {
  const { path, keys } = (await on.call('GET', '/checkout/scripts.json')).body.signed
  expect(path).toBe('/checkout.js')
  return keys
}
const keysThat = async (state: string) => {
  const rows = await vault.database.sql<{ id: string }>(
    "SELECT id FROM keys WHERE purpose = 'script-signing' AND state = $1",
    [state],
  )
  return rows.map(({ id }) => id)
}
const everywhere = (count: number) =>
  Promise.all(servers().map((on) => vi.waitUntil(async () => (await pins(on)).length === count, SOON)))

/** The pins of an answer, each of which must be of a signature that verifies, as a browser checks it. */
function verifiedPins({ headers, text }: Awaited<ReturnType<typeof script>>): string[] {
  const digest = headers['unencoded-digest']!
  expect(digest).toBe(`sha-256=:${hash('sha256', text, 'base64')}:`)
  const signatures = new Map(
    headers.signature!.split(', ').map((member) => /^(\w+)=:(.+):$/.exec(member)!.slice(1) as [string, string]),
  )
  return headers['signature-input']!.split(', ').map((member) => {
    const [, label, params] = /^(\w+)=(.+)$/.exec(member)!
    const x = /^\("unencoded-digest";sf\);keyid="([^"]{44})";tag="ed25519-integrity"$/.exec(params!)![1]!
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(x, 'base64').toString('base64url') },
      format: 'jwk',
    })
    const base = `"unencoded-digest";sf: ${digest}\n"@signature-params": ${params}`
    expect(verify(null, Buffer.from(base), key, Buffer.from(signatures.get(label!)!, 'base64')), label).toBe(true)
    return `ed25519-${x}`
  })
}

describe('the newest script', () => {
  it('is signed by the key that the inventory names, alike on every server, for pages of any origin', async () => {
    const [pin, ...others] = await pins()
    expect(others).toEqual([])
    expect(pin).toEqual({ integrity: expect.stringMatching(/^ed25519-[\w+/]{43}=$/), signs_until: null })
    const [here, there] = await Promise.all(servers().map(script))
    expect(verifiedPins(here!)).toEqual([pin!.integrity])
    expect(here!.headers['access-control-allow-origin']).toBe('*')
    expect(here!.headers['cache-control']).toBe(EVERGREEN)
    expect(there!.headers.signature).toBe(here!.headers.signature)
    expect((await vault.call('GET', '/checkout/scripts')).text).toContain(pin!.integrity)
    // Its hash is what a page pins there.
    const fixed = await vault.call('GET', `/checkout/${version}/checkout.js`)
    expect(fixed.headers.signature).toBeUndefined()
  })

  it('is one use of the key on each server, however often it is served', async () => {
    for (let times = 0; times < 5; times++) for (const server of servers()) await script(server)
    const key = (await vault.commands.takeInventory()).find(({ purpose }) => purpose === 'script-signing')
    expect(key!.uses).toBeLessThanOrEqual(servers().length)
    expect(key!.uses).toBeGreaterThan(0)
  })

  it('is signed by the old key and the new one for 90 days after a rotation', async () => {
    const [first] = await pins()
    await script()
    const before = Date.now()
    expect(await vault.rotate('script')).toMatchObject({ done: true })
    await everywhere(2)
    const [current, old] = await pins()
    expect(current).toMatchObject({ signs_until: null })
    expect(old!.integrity).toBe(first!.integrity)
    expect(Math.abs(Date.parse(old!.signs_until!) - before - 90 * DAY_MS)).toBeLessThan(DAY_MS)
    for (const server of servers()) {
      expect(verifiedPins(await script(server))).toEqual([current!.integrity, first!.integrity])
    }
    const page = (await vault.call('GET', '/checkout/scripts')).text
    for (const { integrity } of [current!, old!]) expect(page).toContain(integrity)
    const [replaced] = await keysThat('deactivated')
    await expect(vault.commands.destroyKey(OPERATOR, replaced!)).rejects.toThrow(/for 90 days after its replacement/)
    await expect(vault.commands.certifyKey(OPERATOR, replaced!)).rejects.toThrow(/signs scripts beside the key/)

    at(89)
    await script()
    expect(await pins()).toHaveLength(2)
    at(91)
    await everywhere(1)
    expect(verifiedPins(await script())).toEqual([current!.integrity])
    expect(await keysThat('destroyed')).toEqual([replaced])
    expect((await vault.commands.certifyKey(OPERATOR, replaced!)).statement).toMatchObject({ state: 'destroyed' })
  })

  it('gets a new key of a vault without an operator before the old one expires', async () => {
    const [first] = await pins()
    at(293)
    await vi.waitUntil(async () => (await keysThat('pre-active')).length === 1, SOON)
    // A page that pinned it now would load nothing.
    expect(await pins()).toEqual([first])
    at(293.1)
    await everywhere(2)
    const both = verifiedPins(await script())
    expect(both).toHaveLength(2)
    expect(both[1]).toBe(first!.integrity)
  })

  it('is not signed by a compromised key, at once, on every server', async () => {
    const [first] = await pins()
    await script()
    const [id] = await keysThat('active')
    await vault.commands.compromiseKey(OPERATOR, id!)
    for (const server of servers()) {
      await vi.waitUntil(async () => (await pins(server))[0]?.integrity !== first!.integrity, SOON)
      const found = verifiedPins(await script(server))
      expect(found).toEqual((await pins(server)).map(({ integrity }) => integrity))
      expect(found).not.toContain(first!.integrity)
    }
  })

  it('is served without a signature by a sealed vault, for no browser to keep, and signed again when it opens', async () => {
    const signed = await script()
    await vault.database.sql("UPDATE keys SET deactivated_at = now() WHERE purpose = 'display'")
    await vi.waitFor(() => expect(vault.sealedBecause()).toBeDefined(), SOON)
    const answer = await script()
    expect([answer.status, answer.text]).toEqual([200, signed.text])
    for (const name of ['unencoded-digest', 'signature-input', 'signature']) {
      expect(signed.headers[name], name).toBeDefined()
      expect(answer.headers[name], name).toBeUndefined()
    }
    expect(answer.headers['cache-control']).toBe('public, no-cache')
    expect(await pins()).toEqual([])
    await vault.database.sql("UPDATE keys SET deactivated_at = NULL WHERE purpose = 'display'")
    await vi.waitFor(() => expect(vault.sealedBecause()).toBeUndefined(), SOON)
    expect(verifiedPins(await script())).toEqual(verifiedPins(signed))
  })
})
