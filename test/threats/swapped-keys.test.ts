import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

interface KeyRow {
  id: string
  purpose: string
  state: string
  wrapped: Buffer
}

let vault: TestVault
let token: string
let keys: KeyRow[]

/** A vault whose data keys were rotated once, so that there are two of each. */
beforeAll(async () => {
  vault = await TestVault.start()
  token = (await vault.tokenize({ contact })).contact!.token!
  await vault.strongroom.commands.rotateKeys({ id: 'operator:test', kind: 'operator' }, () => {})
  await vault.database.sql('CREATE TABLE keys_before AS TABLE keys')
})
beforeEach(async () => {
  keys = await vault.database.sql<KeyRow>('SELECT * FROM keys ORDER BY id')
})
afterEach(async () => {
  await vault.database.sql('DELETE FROM keys')
  await vault.database.sql('INSERT INTO keys TABLE keys_before')
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

/** Starts a second server on the same database: the reason why it does not start, or that it does. */
async function startAgain(): Promise<string> {
  try {
    const second = await TestVault.start({ sharedDatabase: vault.database })
    await second.stop()
    return 'it started'
  } catch (error) {
    return (error as Error).message
  }
}

const REFUSAL = /root key does not open the keys|key registry was changed/

const keyOf = (purpose: string, state = 'active') => {
  const found = keys.find((key) => key.purpose === purpose && key.state === state)
  if (found === undefined) throw new Error(`there is no ${state} ${purpose} key`)
  return found
}
const setWrapped = (id: string, wrapped: Buffer | null) =>
  vault.database.sql('UPDATE keys SET wrapped = $2 WHERE id = $1', [id, wrapped])

async function exchange(a: KeyRow, b: KeyRow): Promise<void> {
  await setWrapped(a.id, b.wrapped)
  await setWrapped(b.id, a.wrapped)
}

it('starts again while nobody has touched the keys', async () => {
  expect(await startAgain()).toBe('it started')
})

describe('a new start is refused', () => {
  it.each([
    ['of two purposes', ['display', 'active'], ['secret', 'active']],
    ['of one purpose', ['display', 'active'], ['display', 'deactivated']],
    ['of the index and a data key', ['index', 'active'], ['secret', 'deactivated']],
    ['of a token and a data key', ['token-signing', 'active'], ['secret', 'active']],
  ] as const)('when two wrapped keys are exchanged, %s', async (_name, [purposeA, stateA], [purposeB, stateB]) => {
    await exchange(keyOf(purposeA, stateA), keyOf(purposeB, stateB))
    expect(await startAgain()).toMatch(REFUSAL)
  })

  it('when a key is put under another purpose', async () => {
    const { id } = keyOf('display', 'deactivated')
    await vault.database.sql("UPDATE keys SET purpose = 'secret' WHERE id = $1", [id])
    expect(await startAgain()).toMatch(REFUSAL)
  })

  it('when a key is put under another id', async () => {
    const { id } = keyOf('secret')
    await vault.database.sql('UPDATE keys SET id = $2 WHERE id = $1', [id, `key_${'0'.repeat(26)}`])
    expect(await startAgain()).toMatch(REFUSAL)
  })

  it('when a bit of a wrapped key is flipped', async () => {
    const { id, wrapped } = keyOf('index')
    const flipped = Buffer.from(wrapped)
    flipped[50]! ^= 1
    await setWrapped(id, flipped)
    expect(await startAgain()).toMatch(REFUSAL)
  })

  it('when a wrapped key is cut off', async () => {
    const { id, wrapped } = keyOf('secret')
    await setWrapped(id, wrapped.subarray(0, -4))
    expect(await startAgain()).toMatch(REFUSAL)
  })

  it('when the salt of the root key is changed', async () => {
    const [root] = await vault.database.sql<{ parameters: Record<string, unknown> }>('SELECT parameters FROM root_keys')
    const changed = { ...root!.parameters, salt: Buffer.alloc(16).toString('base64url') }
    await vault.database.sql('UPDATE root_keys SET parameters = $1', [changed])
    try {
      expect(await startAgain()).toMatch(REFUSAL)
    } finally {
      await vault.database.sql('UPDATE root_keys SET parameters = $1', [root!.parameters])
    }
  })

  it.each(['display', 'secret', 'index'])(
    'when the active %s key is gone, rather than making another',
    async (purpose) => {
      await vault.database.sql('DELETE FROM keys WHERE purpose = $1', [purpose])
      expect(await startAgain()).not.toBe('it started')
    },
  )

  it('when the active key is there but empty', async () => {
    await setWrapped(keyOf('secret').id, null)
    expect(await startAgain()).not.toBe('it started')
  })
})

it('seals a running server, until the rows are right again', async () => {
  const status = async () => (await vault.call('GET', '/readyz')).status
  await expect.poll(status).toBe(200)
  const staff = await vault.staffToken('legal')
  await exchange(keyOf('display'), keyOf('secret'))
  await expect.poll(status).toBe(503)
  const refused = await vault.call('GET', `/v1/tokens/${token}`, { token: staff })
  expect(refused.body.code).toBe('sealed')
  await exchange(
    { ...keyOf('display'), wrapped: keyOf('secret').wrapped },
    { ...keyOf('secret'), wrapped: keyOf('display').wrapped },
  )
  await expect.poll(status).toBe(200)
  const response = await vault.call('GET', `/v1/tokens/${token}`, { token: staff })
  expect(response.status, response.text).toBe(200)
})
