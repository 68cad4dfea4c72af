import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keyPurposes } from '../../src/keys/key/key.ts'
import { builtProgram } from '../support/built-program.ts'
import { startProgram } from '../support/run-program.ts'
import { card } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

interface Credentials {
  client_id: string
  client_secret: string
}

let vault: VaultProcess
beforeAll(async () => {
  vault = await VaultProcess.start()
})
afterAll(() => vault.remove())

/** Runs a command that must succeed, and answers with its one JSON document. */
async function json<T>(...args: string[]): Promise<T> {
  const result = await vault.cli([...args, '--json'])
  expect(result.code, result.stderr).toBe(0)
  return result.json<T>()
}

/** Runs a command that must succeed, and answers with what a person reads. */
async function text(...args: string[]): Promise<string> {
  const result = await vault.cli(args)
  expect(result.code, result.stderr).toBe(0)
  return result.stdout
}

const addClient = (name: string) => json<Credentials>('clients', 'add', '--name', name, '--scope', 'tokenize')
const statusOf = async ({ client_id, client_secret }: Credentials) =>
  (await vault.requestToken(client_id, client_secret)).status

describe('clients', () => {
  it('add shows an id and a secret that work at once', async () => {
    const added = await addClient('web shop')
    expect(added).toEqual({
      client_id: expect.stringMatching(/^client_[0-9a-z]{26}$/),
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
    })
    expect(await statusOf(added)).toBe(200)
  })

  it('add gives the client the scopes and the site that were asked for', async () => {
    const scope = 'token:read token:search'
    const { client_id } = await json<Credentials>(
      ...['clients', 'add', '--name', 'Berlin', '--scope', scope, '--role', 'support', '--site', 'berlin'],
    )
    const list = await json<Record<string, unknown>[]>('clients', 'list')
    expect(list.find((client) => client.client_id === client_id)).toEqual({
      client_id,
      name: 'Berlin',
      role: 'support',
      scopes: ['token:read', 'token:search'],
      site: 'berlin',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      revoked_at: null,
    })
  })

  it('rotate-secret shows a new secret, and the old one is worth nothing', async () => {
    const added = await addClient('rotated')
    const rotated = await json<Credentials>('clients', 'rotate-secret', added.client_id)
    expect(rotated).toEqual({ client_id: added.client_id, client_secret: expect.stringMatching(/^[\w-]{43}$/) })
    expect(await statusOf(rotated)).toBe(200)
    expect(await statusOf(added)).toBe(401)
  })

  it('revoke refuses the secret, and a token that is still alive', async () => {
    const added = await addClient('revoked')
    const token = (await vault.requestToken(added.client_id, added.client_secret)).body.access_token
    const tokenize = async () => (await vault.call('POST', '/v1/tokenize', { token, body: { card } })).status
    expect(await tokenize()).toBe(201)
    expect(await json('clients', 'revoke', added.client_id)).toEqual({ client_id: added.client_id, revoked: true })
    expect(await tokenize()).toBe(401)
    expect(await statusOf(added)).toBe(401)
    expect(await text('clients', 'list')).toMatch(new RegExp(`${added.client_id}  revoked`))
  })

  it('shows a secret once, and never lists it', async () => {
    const added = await addClient('secretive')
    const rotated = await json<Credentials>('clients', 'rotate-secret', added.client_id)
    const listed = await Promise.all([
      text('clients', 'list'),
      json('clients', 'list').then((list) => JSON.stringify(list)),
      json('audit', 'list', '--limit', '1000').then((events) => JSON.stringify(events)),
    ])
    const shown = [...listed, vault.output.stdout, vault.output.stderr].join('\n')
    expect(shown).toContain(added.client_id)
    for (const { client_secret } of [added, rotated]) expect(shown).not.toContain(client_secret)
    expect(shown).not.toContain('$argon2id$')
  })

  it('tells a person the same', async () => {
    const shown = await text('clients', 'add', '--name', 'by hand', '--scope', 'tokenize')
    expect(shown).toMatch(/^client_id {6}client_[0-9a-z]{26}\nclient_secret {2}[\w-]{43}\n$/)
    const id = /client_[0-9a-z]{26}/.exec(shown)?.[0] ?? ''
    expect(await text('clients', 'rotate-secret', id)).toMatch(/^client_secret {2}[\w-]{43}\n$/)
    expect(await text('clients', 'revoke', id)).toBe(`revoked ${id}\n`)
  })
})

describe('staff token', () => {
  interface Issued {
    access_token: string
    expires_in: number
  }

  it('signs a token for a quarter of an hour, with the scopes of the role', async () => {
    const issued = await json<Issued>('staff', 'token', '--name', 'Nora', '--role', 'auditor')
    expect(issued).toEqual({ access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/), expires_in: 900 })
    const read = (url: string) => vault.call('GET', url, { token: issued.access_token })
    expect((await read('/v1/audit/events?limit=1')).status).toBe(200)
    expect((await read('/v1/tokens/card_00000000000000000000000000')).status).toBe(403)
  })

  it('narrows the purposes and the life to what was asked for', async () => {
    const issued = await json<Issued>(
      ...['staff', 'token', '--name', 'Sam', '--role', 'legal', '--purpose', 'enforce-rights', '--minutes', '2'],
    )
    expect(issued.expires_in).toBe(120)
    const tokenized = await vault.call<{ card: { token: string } }>('POST', '/v1/tokenize', {
      token: await vault.token('checkout'),
      body: { card },
    })
    const reveal = async (purpose: string) =>
      (
        await vault.call('POST', `/v1/tokens/${tokenized.body.card.token}/reveal`, {
          token: issued.access_token,
          body: { purpose },
        })
      ).status
    expect(await reveal('enforce-rights')).toBe(200)
    expect(await reveal('legal-compliance')).toBe(403)
  })

  it('prints nothing but the token for a person, ready for a variable of the shell', async () => {
    expect(await text('staff', 'token', '--name', 'Nora', '--role', 'auditor')).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)
  })
})

describe('keys list and keys status', () => {
  interface KeyLine {
    id: string
    purpose: string
    state: string
    expires_at: string
    sealed_values?: number | null
  }

  it('list shows every key and its state, and no key', async () => {
    const keys = await json<KeyLine[]>('keys', 'list')
    expect(keys.map(({ purpose, state }) => `${purpose} ${state}`).sort()).toEqual(
      ['root', ...keyPurposes].map((purpose) => `${purpose} active`).sort(),
    )
    for (const key of keys) {
      expect(Object.keys(key).sort()).toEqual(['created_at', 'expires_at', 'id', 'purpose', 'state'])
      expect(Date.parse(key.expires_at)).toBeGreaterThan(Date.now())
    }
    const shown = await text('keys', 'list')
    for (const { id } of keys) expect(shown).toContain(id)
  })

  it('status counts what each key encrypts', async () => {
    const census = async () => {
      const status = await json<KeyLine[]>('keys', 'status')
      return Object.fromEntries(status.map(({ purpose, sealed_values }) => [purpose, sealed_values]))
    }
    const before = await census()
    await vault.call('POST', '/v1/tokenize', { token: await vault.token('checkout'), body: { card } })
    const { display, secret, index } = await census()
    expect({ display, secret, index }).toEqual({
      display: Number(before.display) + 1,
      secret: Number(before.secret) + 1,
      index: null,
    })
    expect(await text('keys', 'status')).toContain(`${secret} sealed values`)
  })
})

describe('audit list', () => {
  it('shows events in the order of time, a page at a time', async () => {
    await addClient('audited')
    const first = await json<{ id: string; at: string }[]>('audit', 'list', '--limit', '3')
    const second = await json<{ id: string; at: string }[]>('audit', 'list', '--limit', '3', '--after', first[2]!.id)
    const pages = [...first, ...second]
    expect(pages).toHaveLength(6)
    expect(new Set(pages.map(({ id }) => id)).size).toBe(6)
    expect(pages.map(({ at }) => at)).toEqual(pages.map(({ at }) => at).sort())
  })

  it('filters by type and caller, and leaves an event of its own', async () => {
    const { client_id } = await addClient('filtered')
    const added = await json<Record<string, unknown>[]>('audit', 'list', '--type', 'client.add')
    expect(new Set(added.map(({ type }) => type))).toEqual(new Set(['client.add']))
    const event = added.find(({ subject }) => subject === client_id) as { caller: { id: string; kind: string } }
    expect(event.caller).toEqual({ id: expect.stringMatching(/^operator:/), kind: 'operator' })
    const reads = await json<unknown[]>('audit', 'list', '--type', 'audit.read', '--caller', event.caller.id)
    expect(reads.length).toBeGreaterThan(0)
  })

  it('shows a person the newest first, in a table with headers', async () => {
    const { client_id } = await addClient('newest')
    const [headers, ...lines] = (await text('audit', 'list', '--type', 'client.add', '--limit', '2')).trim().split('\n')
    expect(headers).toMatch(/^at +type +outcome +caller +source +token +purpose +code +reason +subject +id$/)
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(new RegExp(`^\\S+Z +client\\.add +success +operator:\\S+ .*${client_id} +evt_`))
    const times = lines.map((line) => line.split(' ')[0]!)
    expect(times).toEqual([...times].sort().reverse())
    const page = await json<{ at: string }[]>('audit', 'list', '--limit', '50')
    expect(page.map(({ at }) => at)).toEqual(page.map(({ at }) => at).sort())
  })
})

describe('beside a server whose port the command does not know', () => {
  it('a staff token is for that server in any case', async () => {
    const env = Object.fromEntries(Object.entries(vault.env).filter(([name]) => !/_PORT$/.test(name)))
    const args = [builtProgram('cli'), 'staff', 'token', '--name', 'x', '--role', 'auditor']
    const { stdout } = await startProgram({ command: process.execPath, args, cwd: vault.directory, env }).ended
    const answer = await vault.call('GET', '/v1/audit/events?limit=1', { token: stdout.trim() })
    expect(answer.status).toBe(200)
  })
})

describe.each(['revoke', 'rotate-secret'])('clients %s of a client that does not exist', (command) => {
  it('fails with 1 and one clear sentence', async () => {
    const { code, stdout, stderr } = await vault.cli(['clients', command, 'client_nobody'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/there is no such client/)
  })
})

describe.concurrent('wrong usage ends with 2 and one clear sentence on stderr', () => {
  const staff = ['staff', 'token', '--name', 'x', '--role']
  it.for<[string[], RegExp]>([
    [['no-such-command'], /unknown command 'no-such-command'/],
    [['clients', 'list', '--no-such-option'], /unknown option '--no-such-option'/],
    [['clients', 'add', '--name', 'x'], /required option '--scope/],
    [['clients', 'add', '--name', 'x', '--scope', 'everything'], /known scopes are: tokenize token:read/],
    [
      ['clients', 'add', '--name', 'x\u0007', '--scope', 'tokenize'],
      /letters, digits, spaces and ordinary punctuation/,
    ],
    [['clients', 'add', '--name', 'x', '--scope', 'card:reveal', '--role', 'support'], /role support does not have/],
    [['clients', 'revoke'], /missing required argument 'id'/],
    [[...staff, 'king'], /Allowed choices are checkout/],
    [[...staff, 'legal', '--purpose', 'curiosity'], /Allowed choices are .*process-payment/],
    [[...staff, 'legal', '--purpose', 'marketing'], /role legal does not have the purpose marketing/],
    [[...staff, 'legal', '--minutes', 'soon'], /lives for 1 to \d+ minutes/],
    [[...staff, 'legal', '--minutes', '100000'], /lives for 1 to \d+ minutes/],
    [['keys', 'rotate', 'everything'], /Allowed choices are data/],
    [['audit', 'list', '--type', 'gossip'], /Allowed choices are record\.tokenize/],
    [['audit', 'list', '--limit', '0'], /expected 1 to 10000/],
  ])('%j', async ([args, message], { expect }) => {
    const { code, stdout, stderr } = await vault.cli([...args, '--json'])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/\n\s+at /)
  })
})

describe('the program itself', () => {
  it('runs through the link that npx makes', async () => {
    const bin = path.join(vault.directory, 'node_modules', '.bin')
    mkdirSync(bin, { recursive: true })
    symlinkSync(builtProgram('cli'), path.join(bin, 'strongroom'))
    const run = (...args: string[]) =>
      startProgram({
        command: process.execPath,
        args: [path.join(bin, 'strongroom'), ...args],
        cwd: vault.directory,
        env: vault.env,
      }).ended
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(await run('--version')).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' })
    const listed = await run('keys', 'list', '--json')
    expect(listed.code, listed.stderr).toBe(0)
    expect(JSON.parse(listed.stdout)).toHaveLength(keyPurposes.length + 1)
  })

  it('lists its commands when it is asked for help', async () => {
    const { code, stdout } = await vault.cli(['--help'])
    expect(code).toBe(0)
    for (const name of ['serve', 'migrate', 'doctor', 'clients', 'staff', 'keys', 'audit'])
      expect(stdout).toContain(name)
  })
})
