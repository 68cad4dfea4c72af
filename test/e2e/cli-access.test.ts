import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contact, shippingAddress } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

let vault: VaultProcess
beforeAll(async () => {
  vault = await VaultProcess.start()
})
afterAll(() => vault.remove())

async function json<T>(...args: string[]): Promise<T> {
  const result = await vault.cli([...args, '--json'])
  expect(result.code, result.stderr).toBe(0)
  return result.json<T>()
}

const fileOf = (name: string) => path.join(vault.directory, name)
function write(name: string, value: unknown): string {
  writeFileSync(fileOf(name), typeof value === 'string' ? value : JSON.stringify(value, null, 2))
  return fileOf(name)
}

interface Roles {
  format: number
  roles: Record<string, { scopes: string[]; grants: object[] }>
}

/** Stores a checkout as the sample checkout, and answers with the tokens of its parts. */
async function store(): Promise<Record<string, { token: string }>> {
  const body = { shipping_address: shippingAddress, contact }
  const answer = await vault.call('POST', '/v1/tokenize', { token: await vault.token('checkout'), body })
  expect(answer.status).toBe(201)
  return answer.body as Record<string, { token: string }>
}

describe('roles', () => {
  it('export → edit → check → apply holds at the running server at once, and export gives it back', async () => {
    const before = await json<Roles>('roles', 'export')
    expect(Object.keys(before.roles)).toHaveLength(13)
    const parts = await store()
    const { access_token } = await json<{ access_token: string }>(
      'staff',
      'token',
      '--name',
      'Sam',
      '--role',
      'support',
    )
    const reveal = () =>
      vault.call('POST', `/v1/tokens/${parts.shipping_address!.token}/reveal`, {
        token: access_token,
        body: { purpose: 'communicate' },
      })
    expect((await reveal()).status).toBe(200)

    const grants = [{ kind: 'address', view: 'country', purposes: ['communicate'] }]
    const edited = { ...before, roles: { ...before.roles, support: { ...before.roles.support, grants } } }
    const file = write('roles.json', edited)
    expect(await json('roles', 'check', file)).toEqual({ valid: true, roles: 13, faults: [] })
    expect(await json('roles', 'apply', file)).toEqual({ revision: 1, changed: true })
    expect((await reveal()).body).toMatchObject({ data: { country: 'SG' } })
    expect(await json('roles', 'export')).toEqual(edited)
    expect(await json('roles', 'apply', file)).toEqual({ revision: 1, changed: false })
    expect(await json('roles', 'apply', write('before.json', before))).toEqual({ revision: 2, changed: true })
    const applied = await json<{ subject: string }[]>('audit', 'list', '--type', 'roles.apply')
    expect(applied.map(({ subject }) => subject)).toEqual(['roles:1', 'roles:2'])
  })

  it('a bad file is refused with where it is bad: check fails with 1, apply with 2 and changes nothing', async () => {
    const role = { duty: 'Packs.', scopes: [], grants: [{ kind: 'address', fields: ['cvc'], purposes: ['curiosity'] }] }
    const bad = write('bad.json', { format: 1, roles: { packer: role } })
    const checked = await vault.cli(['roles', 'check', bad, '--json'])
    expect(checked.code).toBe(1)
    const faults = checked.json<{ faults: { pointer: string }[] }>().faults.map(({ pointer }) => pointer)
    expect(faults).toContain('#/roles/packer/grants/0/purposes/0')
    expect((await vault.cli(['roles', 'check', bad])).stdout).toContain(`${bad}#/roles/packer/grants/0`)
    const applied = await vault.cli(['roles', 'apply', bad, '--json'])
    expect({ code: applied.code, stdout: applied.stdout }).toEqual({ code: 2, stdout: '' })
    expect(applied.stderr).toMatch(/nothing was applied/)
    expect(Object.keys((await json<Roles>('roles', 'export')).roles)).toHaveLength(13)
  })

  it.each([
    [
      'twice.json',
      '{"format":1,"roles":{"a":{"duty":"x","scopes":[],"grants":[]},"a":{"duty":"y","scopes":[],"grants":[]}}}',
    ],
    ['none.json', 'roles: {}'],
  ])('%s is not a role file', async (name, text) => {
    const { code, stdout } = await vault.cli(['roles', 'check', write(name, text), '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ valid: false, faults: [{ pointer: '#' }] })
  })

  it('a file that is not there is wrong usage', async () => {
    expect((await vault.cli(['roles', 'check', fileOf('nowhere.json')])).code).toBe(2)
  })
})

it('a role that claims are mapped to and that is dropped is warned of, and refuses no command', async () => {
  const mappings = ['support', 'fraud'].map((role) => ({ claim: 'groups', value: `${role}-team`, role }))
  const issuers = [{ name: 'corp', issuer: 'https://id.example', audience: 'vault', mappings }]
  const env = { STRONGROOM_ISSUERS_FILE: write('issuers.json', issuers) }
  const before = await json<Roles>('roles', 'export')
  const { fraud: _dropped, ...roles } = before.roles
  const file = write('without.json', { ...before, roles })
  const applied = await vault.cli(['roles', 'apply', file, '--json'], env)
  expect(applied.code, applied.stderr).toBe(0)
  expect(applied.json()).toMatchObject({ changed: true })
  expect(applied.stderr).toMatch(/warning: .*\/0\/mappings\/1\/role: expected one of .* is refused/)

  const review = await vault.cli(['access', 'review', '--json'], env)
  expect(review.code, review.stderr).toBe(0)
  const mapped = review
    .json<Record<string, string>[]>()
    .filter(({ subject, see }) => subject === 'mapping' && see === '')
  expect(mapped.map(({ id, role, conditions }) => [id, role, conditions])).toEqual([
    ['corp/groups=support-team', 'support', ''],
    ['corp/groups=fraud-team', 'fraud', 'the role is not in force: refused'],
  ])
  expect((await vault.cli(['access', 'review', '--csv'], env)).stdout).toContain(
    'mapping,corp/groups=support-team,corp,',
  )
  const found = (await vault.cli(['doctor', '--json'], env)).json<Record<string, string>[]>()
  expect(found.filter(({ code }) => code === 'issuers-file')).toEqual([
    expect.objectContaining({ severity: 'warning' }),
  ])
  await json('roles', 'apply', write('again.json', before))
})

describe('partners and access', () => {
  const contract = [
    '--country',
    'MY',
    '--contact',
    'Despatch',
    '--purpose',
    'provide-goods',
    '--field',
    'address.line1',
  ]
  const add = (...more: string[]) => ['partners', 'add', '--name', 'Carrier', ...contract, ...more]

  it('add a partner, give it a client, see what it sees, end it', async () => {
    const parts = await store()
    const { partner_id } = await json<{ partner_id: string }>(...add('--until', '2099-12-31'))
    const client = await json<{ client_id: string; client_secret: string }>(
      ...['clients', 'add', '--name', 'carrier', '--scope', 'address:reveal', '--role', 'fulfilment'],
      ...['--partner', partner_id],
    )
    const listing = await json<Record<string, string>[]>('clients', 'list')
    expect(listing.find((one) => one.client_id === client.client_id)).toMatchObject({ partner: partner_id })
    expect((await vault.cli(['clients', 'list'])).stdout).toMatch(new RegExp(`carrier .*${partner_id}`))
    const question = ['access', 'explain', '--caller', client.client_id, '--token', parts.shipping_address!.token]
    expect(await json(...question, '--purpose', 'provide-goods')).toEqual({
      allowed: true,
      fields: ['line1'],
      code: null,
      lines: ['/roles/fulfilment/grants/0'],
    })
    const lines = await json<Record<string, string>[]>('access', 'review')
    const seen = lines.filter(({ id, see }) => id === client.client_id && see === 'grant')
    expect(seen).toEqual([expect.objectContaining({ fields: 'line1', partner: partner_id })])
    const csv = (await vault.cli(['access', 'review', '--csv'])).stdout
    const columns = csv.split('\r\n')[0]!.split(',')
    expect([...columns].sort()).toEqual(Object.keys(lines[0]!).sort())
    expect(csv.trimEnd().split('\r\n')).toHaveLength(lines.length + 1)
    const table = (await vault.cli(['access', 'review'])).stdout
    expect(table).toContain('role billing')
    expect(table).toMatch(/grant card: number exp_month exp_year holder_name {2}for process-payment/)

    expect(await json('partners', 'end', partner_id)).toEqual({ partner_id, ended: true })
    expect(await json(...question, '--purpose', 'provide-goods')).toMatchObject({
      allowed: false,
      code: 'contract-ended',
    })
    const listed = await json<Record<string, unknown>[]>('partners', 'list')
    expect(listed).toEqual([
      expect.objectContaining({
        partner_id,
        country: 'MY',
        ends_at: '2100-01-01T00:00:00.000Z',
        ended_at: expect.any(String),
      }),
    ])
  })

  it.each([
    [add(), /required option '--until/],
    [add('--until', '2026-02-30'), /YYYY-MM-DD/],
    [add('--until', '2020-01-01'), /ended already/],
    [['access', 'lift', 'staff:Nobody'], /neither suspended nor held back/],
    [['access', 'explain', '--caller', 'staff:Ann', '--token', 'x', '--purpose', 'gossip'], /Allowed choices are/],
    [['access', 'explain', '--caller', 'staff:Ann', '--token', 'x', '--purpose', 'marketing'], /which role/],
  ])('wrong usage: %j', async (args, message) => {
    const { code, stdout, stderr } = await vault.cli([...args, '--json'])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })

  it('a suspended caller is listed and lifted', async () => {
    const file = await json<Roles>('roles', 'export')
    const budget = { per_day: 1, beyond: 'suspend' }
    const roles = { ...file.roles, support: { ...file.roles.support, budget } }
    await json('roles', 'apply', write('budget.json', { ...file, roles }))
    const records = [await store(), await store()].map((parts) => parts.contact!.token)
    const { access_token } = await json<{ access_token: string }>(
      'staff',
      'token',
      '--name',
      'Sue',
      '--role',
      'support',
    )
    const read = (at: number) => vault.call('GET', `/v1/tokens/${records[at]}`, { token: access_token })
    expect((await read(0)).status).toBe(200)
    expect((await read(1)).status).toBe(429)
    expect((await read(0)).status).toBe(403)
    const suspended = await json<Record<string, string>[]>('access', 'suspended')
    expect(suspended).toEqual([expect.objectContaining({ caller: 'staff:sue', role: 'support', purpose: '' })])
    expect(await json('access', 'lift', 'staff:Sue')).toEqual({ caller: 'staff:Sue', suspended: false })
    expect((await read(1)).status).toBe(200)
  })
})

describe('a machine whose clock is an hour ahead of the database', () => {
  const HOUR_MS = 60 * 60 * 1000
  /** The lead is found less the time that the question takes: on a busy machine that may be a second, which is then no hour. */
  const LEAD_MS = HOUR_MS + 50 * 1000
  let env: Record<string, string>

  beforeAll(() => {
    const file = write(
      'ahead.mjs',
      `const real = Date
       globalThis.Date = class extends real {
         constructor(...given) { super(...(given.length > 0 ? given : [real.now() + ${LEAD_MS}])) }
         static now() { return real.now() + ${LEAD_MS} }
       }`,
    )
    env = { NODE_OPTIONS: `--import=${file}` }
  })

  it('takes access away, with the time of the database', async () => {
    const { client_id } = await json<{ client_id: string }>('clients', 'add', '--name', 'Late', '--scope', 'tokenize')
    const { partner_id } = await json<{ partner_id: string }>(
      ...['partners', 'add', '--name', 'Carrier', '--country', 'SG', '--contact', 'legal@carrier.example'],
      ...['--purpose', 'provide-goods', '--field', 'address.line1', '--until', '2030-01-01'],
    )
    const log = fileOf('log.jsonl')
    await json('audit', 'export', '--output', log)
    const keys = await json<{ id: string; purpose: string; state: string }[]>('keys', 'list')
    const known = keys.find(({ purpose, state }) => purpose === 'token-signing' && state === 'active')!
    for (const command of [
      ['keys', 'compromise', known.id],
      ['clients', 'revoke', client_id],
      ['partners', 'end', partner_id],
      ['staff', 'disable', 'staff:late'],
      ['restore', 'apply', '--log', log],
    ]) {
      const done = await vault.cli([...command, '--json'], env)
      expect(done.code, done.stderr).toBe(0)
      expect(done.stderr).toMatch(
        /the clock of this machine is 36\d\d s ahead of the database's: .* The database's time/,
      )
    }
    const clients = await json<{ client_id: string; revoked_at: string }[]>('clients', 'list')
    const { revoked_at } = clients.find((client) => client.client_id === client_id)!
    expect(Math.abs(Date.parse(revoked_at) - Date.now())).toBeLessThan(HOUR_MS / 2)
    const next = await json<{ id: string; purpose: string; created_at: string }[]>('keys', 'list')
    const made = next.find(({ id, purpose }) => purpose === 'token-signing' && keys.every((key) => key.id !== id))!
    expect(Math.abs(Date.parse(made.created_at) - Date.now())).toBeLessThan(HOUR_MS / 2)
  })

  it.each([
    ['clients', 'add', '--name', 'Late', '--scope', 'tokenize'],
    ['keys', 'list'],
    ['audit', 'verify'],
    ['restore', 'waive', '--reason', 'The newer log is lost.'],
  ])('is refused anything else: %s %s', async (...command) => {
    const refused = await vault.cli([...command, '--json'], env)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/the clock of this machine is 36\d\d s ahead of the database's: set both/)
    expect(refused.stderr).not.toContain('could not be recorded')
    const failures = await json<Record<string, string>[]>('audit', 'list', '--type', 'request.refuse')
    const route = command.slice(0, 2).join(' ')
    expect(failures).toContainEqual(expect.objectContaining({ route, code: 'clock', outcome: 'failed' }))
    const { at } = failures.find((event) => event.code === 'clock')!
    expect(Math.abs(Date.parse(at!) - Date.now())).toBeLessThan(HOUR_MS / 2)
  })

  it('is found by the doctor', async () => {
    const { stdout } = await vault.cli(['doctor', '--json'], env)
    expect(JSON.parse(stdout)).toContainEqual(expect.objectContaining({ code: 'clock' }))
  })
})
