import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { expectRefusal } from '../support/refusal.ts'
import { contact, person } from '../support/samples.ts'
import { type Tampering, tamperWith } from '../support/tamper.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let tampering: Tampering
let staff: string
let token: string

/** A contact that was corrected once; its former version is sealed in `record_versions`. */
beforeAll(async () => {
  vault = await TestVault.start()
  tampering = tamperWith(vault.database)
  staff = await vault.staffToken('legal')
})
beforeEach(async () => {
  token = (await vault.tokenize({ contact })).contact!.token!
  const storefront = await vault.staffToken('storefront')
  const corrected = await vault.call('PATCH', `/v1/tokens/${token}`, {
    token: storefront,
    body: { name: 'A New Name' },
  })
  expect(corrected.body.version).toBe(2)
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const expected = { status: 500, code: 'record-integrity', input: [...Object.values(person), 'A New Name'] } as const
const read = () => vault.call('GET', `/v1/tokens/${token}`, { token: staff })
const reveal = () =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, { token: staff, body: { purpose: 'enforce-rights' } })

async function oldVersion() {
  const [row] = await vault.database.sql<{ display_sealed: Buffer; secret_sealed: Buffer }>(
    'SELECT display_sealed, secret_sealed FROM readable.record_versions WHERE token = $1 AND version = 1',
    [token],
  )
  return row!
}

it('opens as it was corrected while it is untouched', async () => {
  expect((await reveal()).body.data.name).toBe('A New Name')
})

describe('an older version in the place of the current one', () => {
  it('does not open, neither part', async () => {
    const { display_sealed, secret_sealed } = await oldVersion()
    await tampering.write(token, 'display', display_sealed)
    await tampering.write(token, 'secret', secret_sealed)
    await expectRefusal(vault, read, expected)
    await expectRefusal(vault, reveal, expected)
  })

  it('does not open when only the secret part is the old one', async () => {
    await tampering.write(token, 'secret', (await oldVersion()).secret_sealed)
    await expectRefusal(vault, reveal, expected)
  })

  it('does not open when only the display part is the old one', async () => {
    await tampering.write(token, 'display', (await oldVersion()).display_sealed)
    await expectRefusal(vault, read, expected)
  })
})

describe('a kept version in the place of its record', () => {
  it('does not open, though its number and its time come back with it', async () => {
    await vault.database.sql(
      `UPDATE readable.records r SET version = v.version, display_key_id = v.display_key_id, display_sealed = v.display_sealed,
         secret_key_id = v.secret_key_id, secret_sealed = v.secret_sealed, updated_at = r.created_at
       FROM readable.record_versions v WHERE v.token = r.token AND v.version = 1 AND r.token = $1`,
      [token],
    )
    await expectRefusal(vault, read, expected)
    await expectRefusal(vault, reveal, expected)
  })
})

describe('the number of an older version', () => {
  it.each([1, 3])('does not open what is sealed as version 2: %i', async (version) => {
    await tampering.set(token, 'version', version)
    await expectRefusal(vault, read, expected)
    await expectRefusal(vault, reveal, expected)
  })

  it('does not open when only one part was rolled back with it', async () => {
    await tampering.set(token, 'version', 1)
    await tampering.write(token, 'display', (await oldVersion()).display_sealed)
    await expectRefusal(vault, reveal, expected)
  })
})
