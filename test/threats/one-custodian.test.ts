import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const rootKey = { provider: 'custodian-shares', leaseSeconds: 900 } as const
const custodians = ['Meera Pillai', 'Jonas Weber', 'Chen Wei']
const operator = { id: 'operator:test', kind: 'operator' } as const

let first: TestVault
let token: string
let checkout: string
let shares: string[]

/** A vault that three custodians have opened once, and a second server of it, which is sealed. */
beforeAll(async () => {
  first = await TestVault.start({ config: { keys: rootKey }, overrides: quickKeys })
  const ceremony = await first.rootKeys.beginCeremony(operator, { custodians, threshold: 2 })
  shares = ceremony.shares.map(({ text }) => text)
  await ceremony.complete(custodians.map(() => new Date()))
  checkout = await first.clientToken(['tokenize'])
  token = (await first.tokenize({ contact })).contact!.token!
})
afterEach(() => first.checkInvariants())
afterAll(() => first.stop())

/** Another server on the same database, sealed as every start is. */
async function withSealedServer(work: (server: TestVault) => Promise<void>): Promise<void> {
  const server = await TestVault.start({
    config: { keys: rootKey },
    sharedDatabase: first.database,
    overrides: quickKeys,
  })
  try {
    await work(server)
    await server.checkInvariants()
  } finally {
    await server.stop()
  }
}
/** Its last character is another one. */
const mistyped = (share: string) => `${share.slice(0, -1)}${share.endsWith('0') ? '1' : '0'}`
const offer = (server: TestVault, share: string) => server.unsealing.offer(operator, share)
const refusals = async () => (await first.events({ type: 'root-key.share', outcome: 'refused' })).length

/** Attack 61: one custodian tries to unseal, to rotate, to destroy. */
describe('one custodian', () => {
  it('cannot open the vault: it stays sealed, which is audited', async () => {
    await withSealedServer(async (server) => {
      const before = await refusals()
      expect(await offer(server, shares[0]!)).toEqual({ accepted: true, open: false, given: 1, needed: 2 })
      expect(await offer(server, shares[0]!)).toEqual({ accepted: false, open: false, given: 1, needed: 2 })
      expectProblem(await server.call('GET', '/readyz'), 503, 'sealed')
      expectProblem(await server.call('POST', '/v1/tokenize', { token: checkout, body: { contact } }), 503, 'sealed')
      expect(await refusals()).toBe(before + 1)
    })
  })

  it('cannot rotate, replace or destroy a key', async () => {
    await withSealedServer(async (server) => {
      const { commands, rootKeys, unsealing } = server
      await unsealing.offer(operator, shares[1]!)
      const before = await first.database.sql('SELECT * FROM keys ORDER BY id')
      const [key] = await commands.listKeys()
      const sealed = expect.objectContaining({ code: 'sealed' })
      await expect(server.rotate()).rejects.toEqual(sealed)
      await expect(commands.destroyKey(operator, key!.id)).rejects.toEqual(sealed)
      await expect(rootKeys.rotate(operator)).rejects.toEqual(sealed)
      await expect(rootKeys.migrate(operator, 'passphrase-file')).rejects.toEqual(sealed)
      await expect(rootKeys.beginCeremony(operator, { custodians, threshold: 2 })).rejects.toEqual(sealed)
      const attempts = await refusals()
      await unsealing.abandon(operator)
      expect(await refusals()).toBe(attempts + 1)
      expect(await first.database.sql('SELECT * FROM keys ORDER BY id')).toEqual(before)
    })
  })

  it('learns nothing from what is refused: a wrong share, one of another ceremony, one that is there', async () => {
    const other = await TestVault.start({ config: { keys: rootKey }, overrides: quickKeys })
    const ceremony = await other.rootKeys.beginCeremony(operator, { custodians, threshold: 2 })
    const strangers = ceremony.shares.map(({ text }) => text)
    await other.stop()
    await withSealedServer(async (server) => {
      const nothing = { accepted: false, open: false, given: 1, needed: 2 }
      await offer(server, shares[0]!)
      for (const wrong of [strangers[1]!, shares[0]!, mistyped(shares[1]!), 'strongroom-share-2', '']) {
        expect(await offer(server, wrong)).toEqual(nothing)
      }
      expect(await offer(server, shares[2]!)).toMatchObject({ accepted: true, open: true })
    })
  })
})

describe('two custodians', () => {
  it('open it, any two of them, and no share is stored anywhere', async () => {
    for (const [one, other] of [
      [0, 1],
      [2, 0],
      [1, 2],
    ] as const) {
      await withSealedServer(async (server) => {
        await offer(server, shares[one]!)
        expect(await offer(server, shares[other]!)).toEqual({ accepted: true, open: true, given: 2, needed: 2 })
        const read = await server.call('GET', `/v1/tokens/${token}`, { token: await first.staffToken('support') })
        expect(read.status).toBe(200)
        const places = [server.logLines.join(''), JSON.stringify(await first.events())]
        places.push(JSON.stringify(await first.database.sql('SELECT * FROM root_keys')))
        for (const place of places) for (const share of shares) expect(place).not.toContain(share.slice(-20))
      })
    }
  })

  it('give the vault a new root key when one leaves: old shares open nothing, and a server that runs takes the new one', async () => {
    const ceremony = await first.rootKeys.beginCeremony(operator, { custodians, threshold: 3 })
    const fresh = ceremony.shares.map(({ text }) => text)
    await withSealedServer(async (running) => {
      for (const share of shares.slice(0, 2)) await offer(running, share)
      const { replaced, rewrapped } = await ceremony.complete(custodians.map(() => new Date()))
      expect(replaced).toMatch(/^root_/)
      expect(rewrapped).toBe(await first.count('keys WHERE wrapped IS NOT NULL'))
      // The keys that say what the vault wrote are under the new root key.
      await vi.waitFor(async () => expect((await running.call('GET', '/readyz')).body.code).toBe('sealed'))
      for (const share of shares.slice(0, 2)) expect(await offer(running, share)).toMatchObject({ accepted: false })
      for (const share of fresh) await offer(running, share)
      await first.rotate()
      await vi.waitFor(async () => expect((await running.call('GET', '/readyz')).status).toBe(200))
      expect((await running.call('POST', '/v1/tokenize', { token: checkout, body: { contact } })).status).toBe(201)
    })
    await withSealedServer(async (server) => {
      for (const share of shares) expect(await offer(server, share)).toMatchObject({ accepted: false, given: 0 })
      for (const share of fresh.slice(0, 2)) expect(await offer(server, share)).toMatchObject({ open: false })
      expect(await offer(server, fresh[2]!)).toMatchObject({ open: true })
    })
  })
})
