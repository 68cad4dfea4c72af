import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createRandomBytes } from '../../src/values/random.ts'
import { contact } from '../support/samples.ts'
import { stopSchemaWatch } from '../support/stop-schema-watch.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const { ringMaxAgeMs } = quickKeys.keyTimes
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let vault: TestVault
let token: string
/** What the process does when it draws random bytes: for a token, for a key of the log's names, for a nonce. */
let onRandomBytes = () => {}

/** As a process that is stopped, or gets no time: no timer and no answer of the database in between. */
function starve(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1.2 * ringMaxAgeMs)
}

/** Starves the process once, when it draws random bytes for the n-th time. */
function starveAt(draw: number): void {
  let draws = 0
  onRandomBytes = () => {
    if (draws++ === draw) starve()
  }
}

beforeAll(async () => {
  const random = createRandomBytes()
  vault = await TestVault.start({
    overrides: {
      ...quickKeys,
      randomBytes: (size) => {
        onRandomBytes()
        return random(size)
      },
    },
  })
  await stopSchemaWatch(vault)
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => {
  onRandomBytes = () => {}
  return vault.checkInvariants()
})
afterAll(() => vault.stop())

const checkouts = (count: number) => ({ items: Array.from({ length: count }, () => ({ contact })) })

describe('a process that got no time for longer than the keys in memory may be used unconfirmed', () => {
  it('looks at the registry once more and answers: a checkout, a batch, a token, a kept answer', async () => {
    for (const work of [
      () => vault.call('POST', '/v1/tokenize', { token, body: { contact } }),
      () => vault.call('POST', '/v1/tokenize/batch', { token, body: checkouts(40) }),
      () =>
        vault.call('POST', '/v1/tokenize', {
          token,
          body: { contact },
          headers: { 'Idempotency-Key': `k${Date.now()}` },
        }),
    ]) {
      starve()
      const answer = await work()
      expect(answer.status, answer.text).toBeLessThan(300)
    }
    starve()
    await vault.staffToken('support')
    starve()
    const { id } = await vault.client(['tokenize'])
    await vault.commands.revokeClient(OPERATOR, id)
  })

  it.each([0, 1, 2, 3, 4, 5])('in the middle of a request, after %i draws, it is never sealed', async (draws) => {
    const calls = [
      ['/v1/tokenize', { contact }],
      ['/v1/tokenize/batch', checkouts(3)],
      ['/v1/tokenize/batch', checkouts(60)],
    ] as const
    for (const [at, [path, body]] of calls.entries()) {
      starveAt(draws)
      const headers = { 'Idempotency-Key': `draw-${draws}-call-${at}` }
      const answer = await vault.call('POST', path, { token, body, headers })
      expect([200, 201, 'busy']).toContain(answer.body.code ?? answer.status)
    }
  })
})

it('a registry that cannot be read for so long stops sealing: the reason is the database, not the root key', async () => {
  await vault.database.sql('ALTER TABLE keys RENAME TO keys_elsewhere')
  try {
    const code = async () => (await vault.call('POST', '/v1/tokenize', { token, body: { contact } })).body.code
    await expect.poll(code).toBe('database-unavailable')
  } finally {
    await vault.database.sql('ALTER TABLE keys_elsewhere RENAME TO keys')
  }
  const status = async () => (await vault.call('POST', '/v1/tokenize', { token, body: { contact } })).status
  await expect.poll(status).toBe(201)
})
