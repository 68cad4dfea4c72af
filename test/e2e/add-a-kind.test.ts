import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildWithKind } from '../support/build-with-kind.ts'
import { VaultProcess } from '../support/vault-process.ts'

const GIFT = { code: 'ABCD-2345-WXYZ', value: 5_000, name: 'Tan Mei Ling', email: 'Mei@Example.sg' }
const MASKED = { kind: 'gift_card', use: 'gift', code: '••••WXYZ', value: 5_000, initials: 'T.M.L.' }
const TOKEN = /^gift_[0-7][0-9a-hjkmnp-tv-z]{25}$/

const DESK = {
  duty: 'Sells gift cards.',
  scopes: ['tokenize', 'token:read', 'token:search', 'token:match', 'token:correct', 'token:erase', 'gift_card:reveal'],
  grants: [
    { kind: 'gift_card', view: 'full', purposes: ['provide-goods'] },
    { kind: 'gift_card', view: 'code-last4', purposes: ['communicate'] },
  ],
  changes: [{ scope: 'token:correct', kind: 'gift_card', use: 'refund', conditions: { reason: true } }],
}

/** What the tests read of answers. */
interface Answer {
  gift_card: { token: string }
  refund: { token: string; use: string }
  results: unknown[]
}

interface KeyLine {
  id: string
  purpose: string
  state: string
  sealed_values: number | null
  search_terms: number | null
}

const PURPOSES = ['display', 'secret', 'index', 'card-index']
/** Two records, each with a version before, and the reason for a correction; a customer and two e-mail addresses; two codes. */
const COUNTS = [5, 4, 3, 2]

const sources = mkdtempSync(path.join(realpathSync(tmpdir()), 'strongroom-kind-'))
let vault: VaultProcess
/** A member of staff of the role, by a token that the operator gave. */
let staff: string
let gift: string
beforeAll(async () => {
  vault = await VaultProcess.create(buildWithKind(sources, { file: 'gift-card.ts', name: 'giftCard' }))
  await vault.start()
  const roles = await json<{ roles: object }>('roles', 'export')
  await json('roles', 'apply', write('roles.json', { ...roles, roles: { ...roles.roles, desk: DESK } }))
  const given = await json<{ access_token: string }>('staff', 'token', '--name', 'Gil', '--role', 'desk')
  staff = given.access_token
  const answer = await call('POST', '/v1/tokenize', { customer: 'cus_1', gift_card: GIFT })
  expect(answer.status, answer.text).toBe(201)
  gift = answer.body.gift_card.token
})
afterAll(async () => {
  await vault?.remove()
  rmSync(sources, { recursive: true, force: true })
})

const call = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', to: string, body?: unknown) =>
  vault.call<Answer>(method, to, { token: staff, body })
const find = (by: string, value: string, why: object = {}) => call('POST', '/v1/search', { by, value, ...why })
const FOR_GOODS = { purpose: 'provide-goods' }
const findCode = (code: string) => find('gift_code', code, FOR_GOODS)
const reveal = (token: string, purpose: string, fields?: string[]) =>
  call('POST', `/v1/tokens/${token}/reveal`, { purpose, fields })

async function json<T>(...args: string[]): Promise<T> {
  const result = await vault.cli([...args, '--json'])
  expect(result.code, result.stderr).toBe(0)
  return result.json<T>()
}

/** The last line that a command prints, which says what is done. */
async function last<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await vault.cli([...args, '--json'])
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as T
}

/** The active keys of what records are sealed with and found by, and how many values and terms each has. */
async function keysInUse(): Promise<{ id: string; count: number | null }[]> {
  const keys = await json<KeyLine[]>('keys', 'status')
  return PURPOSES.map((purpose) => {
    const { id, sealed_values, search_terms } = keys.find((key) => key.purpose === purpose && key.state === 'active')!
    return { id, count: sealed_values ?? search_terms }
  })
}

function write(name: string, content: unknown): string {
  const file = path.join(vault.directory, name)
  writeFileSync(file, JSON.stringify(content))
  return file
}

describe('a kind that was added by its file and its place in the registry', () => {
  it('is read masked, under a token of its own form', async () => {
    expect(gift).toMatch(TOKEN)
    const { status, body } = await call('GET', `/v1/tokens/${gift}`)
    expect({ status, body }).toMatchObject({ status: 200, body: { token: gift, customer: 'cus_1', ...MASKED } })
  })

  it('is revealed by its fields and its views', async () => {
    const { status, body } = await reveal(gift, 'provide-goods')
    const data = { code: 'ABCD2345WXYZ', value: 5_000, name: 'Tan Mei Ling', email: 'Mei@Example.sg' }
    expect({ status, body }).toMatchObject({ status: 200, body: { kind: 'gift_card', data } })
    expect((await reveal(gift, 'communicate')).body).toMatchObject({ data: { code_last4: 'WXYZ' } })
    expect((await reveal(gift, 'communicate', ['code'])).body).toMatchObject({ code: 'fields-not-permitted' })
    expect((await reveal(gift, 'communicate', ['number'])).body).toMatchObject({ code: 'invalid-input' })
  })

  it('releases its bound fields to bound tokens only', async () => {
    const added = await json<{ client_id: string; client_secret: string }>(
      ...['clients', 'add', '--name', 'desk', '--role', 'desk', '--scope', 'gift_card:reveal'],
    )
    const { body } = await vault.requestToken(added.client_id, added.client_secret)
    const unbound = await vault.call('POST', `/v1/tokens/${gift}/reveal`, {
      token: body.access_token,
      body: { purpose: 'provide-goods', fields: ['code'] },
    })
    expect(unbound.body).toMatchObject({ code: 'unauthenticated' })
    expect(unbound.headers['www-authenticate']).toContain('DPoP')
  })

  it('is out of reach without its scope', async () => {
    const refused = await vault.call('POST', `/v1/tokens/${gift}/reveal`, {
      token: await vault.token('support'),
      body: { purpose: 'communicate' },
    })
    expect(refused).toMatchObject({ status: 403, body: { code: 'scope-missing' } })
    expect(refused.headers['www-authenticate']).toContain('gift_card:reveal')
  })

  it('is revealed to a built-in role that it names, and no further than it says', async () => {
    const token = await vault.token('fulfilment')
    const ask = (fields?: string[]) =>
      vault.call('POST', `/v1/tokens/${gift}/reveal`, { token, body: { purpose: 'provide-goods', fields } })
    expect((await ask()).body).toMatchObject({ data: { name: 'Tan Mei Ling', email: 'Mei@Example.sg' } })
    expect((await ask(['value'])).body).toMatchObject({ code: 'fields-not-permitted' })
  })

  it('is found by what it names, by a type it shares and by its customer', async () => {
    for (const [by, value, why] of [
      ['gift_code', 'abcd 2345 wxyz', FOR_GOODS],
      ['email', 'mei@example.sg', {}],
      ['customer', 'cus_1', {}],
    ] as const) {
      const { status, body } = await find(by, value, why)
      expect({ status, body }, by).toMatchObject({ status: 200, body: { results: [{ token: gift, ...MASKED }] } })
    }
    expect((await findCode('ABCD2345WXYY')).body).toMatchObject({ results: [] })
    expect((await findCode('ABCD')).body).toMatchObject({ code: 'invalid-input' })
  })

  it('is found by what confirms a field only for a purpose that the field is revealed for', async () => {
    expect((await find('gift_code', 'ABCD2345WXYZ')).body).toMatchObject({ errors: [{ pointer: '#/purpose' }] })
    const refused = await find('gift_code', 'ABCD2345WXYZ', { purpose: 'communicate' })
    expect(refused.body).toMatchObject({ code: 'fields-not-permitted' })
  })

  it('is compared by what it names and by what it shares', async () => {
    const match = (fields: object) => call('POST', `/v1/tokens/${gift}/match`, { fields })
    expect((await match({ last4: '2345' })).body).toMatchObject({ matches: false })
    expect((await match({ name: 'TAN MEI-LING', value: '5000' })).body).toEqual({ matches: true })
    expect((await match({ value: '5001' })).body).toEqual({ matches: false })
    expect((await match({ postal_code: '048616' })).body).toMatchObject({ code: 'invalid-input' })
  })

  it('is corrected, by the rules for its use', async () => {
    const stored = await call('POST', '/v1/tokenize', { refund: { ...GIFT, code: 'REFUND234567' } })
    const { token, use } = stored.body.refund
    expect(use).toBe('refund')
    const correct = (one: string, body: object) => call('PATCH', `/v1/tokens/${one}`, body)
    expect((await correct(token, { value: 1 })).body).toMatchObject({ code: 'condition-not-met' })
    expect((await correct(token, { value: 1, reason: 'a typing error' })).body).toMatchObject({ value: 1, version: 2 })
    expect((await correct(gift, { code: 'REFUND234567' })).status).toBe(422)
    expect((await correct(gift, { value: 4_000, name: null })).body).toMatchObject({ value: 4_000, version: 2 })
    expect((await reveal(gift, 'provide-goods', ['value'])).body).toMatchObject({ data: { value: 4_000 } })
  })

  it('is waited for with its own kind, and can be named in a contract', async () => {
    const approvals = await vault.call('GET', '/v1/approvals?kind=gift_card', {
      token: await vault.token('privacy-officer'),
    })
    expect(approvals).toMatchObject({ status: 200, body: { approvals: [] } })
    const contract = ['--name', 'Printer', '--country', 'SG', '--contact', 'Pat', '--purpose', 'provide-goods']
    await json('partners', 'add', ...contract, '--field', 'gift_card.code', '--until', '2099-12-31')
  })

  it('is described with the others', async () => {
    const { text } = await vault.call('GET', '/openapi.json')
    for (const name of [
      'gift_card',
      'refund',
      'gift_code',
      'or gift code',
      'the value of a gift card',
      '"Code, 12 letters and digits"',
    ])
      expect(text).toContain(name)
  })

  it('moves to other data keys and other index keys, and still opens and is found', async () => {
    const before = await keysInUse()
    expect(before.map(({ count }) => count)).toEqual(COUNTS)
    const { retired } = await last<{ retired: string[] }>('keys', 'rotate', 'all')
    expect(retired).toEqual(expect.arrayContaining(before.map(({ id }) => id)))
    expect((await keysInUse()).map(({ count }) => count)).toEqual(COUNTS)
    expect((await reveal(gift, 'provide-goods', ['code'])).body).toMatchObject({ data: { code: 'ABCD2345WXYZ' } })
    expect((await findCode('ABCD2345WXYZ')).body.results).toMatchObject([{ token: gift }])
    expect(await last('records', 'verify')).toMatchObject({ ok: true, findings: 0, rows: { records: 2 } })
  })

  it('is erased', async () => {
    expect((await call('DELETE', `/v1/tokens/${gift}`)).status).toBe(204)
    expect((await call('GET', `/v1/tokens/${gift}`)).status).toBe(410)
    expect((await findCode('ABCD2345WXYZ')).body).toMatchObject({ results: [] })
    const events = await json<{ type: string; kind: string }[]>('audit', 'list', '--type', 'record.erase')
    expect(events).toMatchObject([{ kind: 'gift_card' }])
  })
})
