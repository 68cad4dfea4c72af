import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectRefusal } from '../support/refusal.ts'
import { card } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const POISON = '{"role":"legal","polluted":"poison-7c1f"}'
const members = [
  '__proto__',
  'constructor',
  'prototype',
  '__defineGetter__',
  'hasOwnProperty',
  'toString',
  'role',
  'site',
]

afterEach(() => {
  expect(Reflect.get({}, 'polluted')).toBeUndefined()
  expect(Object.keys(Object.prototype)).toEqual([])
})

const withMember = (json: string, member: string) => json.replace(/^\{/, `{"${member}":${POISON},`)

describe.each([...members, '__pr\\u006fto__'])('the member %s', (member) => {
  const expected = { status: 422, code: 'unknown-member', input: 'poison-7c1f' } as const

  it('is refused at the top', async () => {
    const text = withMember(JSON.stringify({ card }), member)
    await expectRefusal(vault, () => vault.call('POST', '/v1/tokenize', { token, text }), expected)
  })

  it('is refused in a part', async () => {
    const text = `{"card":${withMember(JSON.stringify(card), member)}}`
    await expectRefusal(vault, () => vault.call('POST', '/v1/tokenize', { token, text }), expected)
  })

  it('is refused in a reveal', async () => {
    const staff = await vault.staffToken('legal')
    const text = withMember('{"purpose":"enforce-rights"}', member)
    const send = () => vault.call('POST', `/v1/tokens/card_${'0'.repeat(26)}/reveal`, { token: staff, text })
    await expectRefusal(vault, send, expected)
  })

  it('is refused in a correction', async () => {
    const { contact } = await vault.tokenize({ contact: { name: 'A Name' } })
    const storefront = await vault.staffToken('storefront')
    const text = withMember('{"name":"Another Name"}', member)
    const send = () => vault.call('PATCH', `/v1/tokens/${contact!.token}`, { token: storefront, text })
    await expectRefusal(vault, send, expected)
  })
})

it('refuses fields to reveal that every object has', async () => {
  const { contact } = await vault.tokenize({ contact: { name: 'A Name' } })
  const staff = await vault.staffToken('legal')
  const send = () =>
    vault.call('POST', `/v1/tokens/${contact!.token}/reveal`, {
      token: staff,
      body: { purpose: 'enforce-rights', fields: ['constructor'] },
    })
  await expectRefusal(vault, send, { status: 422, code: 'invalid-input' })
})
