import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TokenReport } from '../../src/access/issuers/check-token.ts'
import { builtProgram } from '../support/built-program.ts'
import type { Json } from '../support/forge-token.ts'
import { PlainProvider } from '../support/plain-provider.ts'
import { startProgram } from '../support/run-program.ts'
import { VaultProcess } from '../support/vault-process.ts'

/** `strongroom issuers check`, in the built program. */
let vault: VaultProcess
let provider: PlainProvider
let env: Record<string, string>

const file = (name: string) => path.join(vault.directory, name)
const seconds = () => Math.floor(Date.now() / 1000)

beforeAll(async () => {
  vault = await VaultProcess.create()
  await vault.cli(['certs', 'dev'])
  provider = await PlainProvider.start(file('certs'))
  const mappings = [
    { claim: 'groups', value: 'warehouse', role: 'fulfilment', site: 'berlin' },
    { claim: 'groups', value: 'payments', role: 'billing', purposes: ['process-payment'] },
  ]
  const corp = { name: 'corp', issuer: `${provider.url}/corp`, audience: 'vault', ca_file: provider.caFile, mappings }
  writeFileSync(file('issuers.json'), JSON.stringify([corp, { ...corp, name: 'gone', issuer: 'https://localhost:1' }]))
  env = { STRONGROOM_ISSUERS_FILE: file('issuers.json') }
})
afterAll(async () => {
  await vault.remove()
  await provider.stop()
})

function sign(changes: Json = {}, header: Json = {}): string {
  const claims = { iss: `${provider.url}/corp`, aud: 'vault', sub: 'ann', client_id: 'console', jti: '1' }
  const times = { iat: seconds(), exp: seconds() + 300 }
  const more = { groups: ['everybody', 'payments'], email: 'SECRET@example.com', ...changes }
  return provider.sign({ alg: 'RS256', typ: 'at+jwt', kid: 'one', ...header }, { ...claims, ...times, ...more })
}

async function check(token: string) {
  writeFileSync(file('token.txt'), `${token}\n`)
  const result = await vault.cli(['issuers', 'check', '--token-file', file('token.txt'), '--json'], env)
  for (const part of token.split('.').filter((one) => one.length > 20)) {
    expect(result.stdout + result.stderr).not.toContain(part)
  }
  expect(result.stdout).not.toContain('SECRET')
  const report = result.json<TokenReport>()
  return { ...report, exit: result.code, failed: report.rules.filter(({ passed }) => !passed).map(({ rule }) => rule) }
}

const accepted = {
  exit: 0,
  accepted: true,
  code: null,
  failed: [],
  issuer: 'corp',
  caller: 'staff:corp/ann',
  role: 'billing',
  site: 'default',
  purposes: ['process-payment'],
  bound: null,
}

describe('without a server', () => {
  it('says which person a good token names, and that every rule has passed', async () => {
    const report = await check(sign())
    expect(report).toMatchObject(accepted)
    expect(report.scopes).toContain('card:reveal')
    expect(report.rules.map(({ rule }) => rule)).toEqual(
      expect.arrayContaining([
        'form',
        'iss',
        'alg',
        'typ',
        'aud',
        'exp',
        'lifetime',
        'signature',
        'mapping',
        'standing',
      ]),
    )
  })

  it('reads the token from stdin, and shows a person what it shows a program', async () => {
    writeFileSync(file('token.txt'), `${sign()}\n`)
    const { code, stdout } = await startProgram({
      command: '/bin/sh',
      args: ['-c', '"$0" "$1" issuers check --token-file - < token.txt', process.execPath, builtProgram('cli')],
      cwd: vault.directory,
      env: { ...vault.env, ...env },
    }).ended
    expect(code).toBe(0)
    expect(stdout).toMatch(/^accepted\n {2}issuer +corp\n {2}caller +staff:corp\/ann\n {2}role +billing\n/)
    expect(stdout).toMatch(/passed {2}signature +a published key of the issuer has signed it/)
  })

  it.each<[string, () => string[]]>([
    ['no file', () => []],
    ['a file that is not there', () => ['--token-file', file('none.txt')]],
    ['an empty file', () => ['--token-file', file('empty.txt')]],
    ['the token as an argument', () => ['--token-file', file('empty.txt'), 'a.b.c']],
  ])('is used wrongly with %s', async (_what, args) => {
    writeFileSync(file('empty.txt'), '\n')
    expect(await vault.cli(['issuers', 'check', ...args()], env)).toMatchObject({ code: 2, stdout: '' })
  })
})

describe('beside a server', () => {
  beforeAll(() => vault.start(env))

  it('says what the server says', async () => {
    const token = sign({ scp: ['token:read'] })
    expect(await check(token)).toMatchObject({ ...accepted, scopes: ['token:read'] })
    const answer = await vault.call('GET', `/v1/tokens/card_${'0'.repeat(26)}`, { token })
    expect(answer.status).toBe(404)
  })

  it.each<[string, () => string, object]>([
    ['another audience', () => sign({ aud: 'other' }), { failed: ['aud'], code: 'unauthenticated' }],
    [
      'several faults',
      () => sign({ aud: 'x', exp: seconds() + 90_000 }, { typ: 'JWT' }),
      { failed: ['typ', 'aud', 'lifetime'] },
    ],
    ['an end that has passed', () => sign({ exp: seconds() - 60 }), { failed: ['exp'] }],
    [
      'no group that fits',
      () => sign({ groups: ['x'] }),
      { failed: ['mapping'], code: 'scope-missing', caller: 'staff:corp/ann' },
    ],
    [
      'an issuer that is not in the file',
      () => sign({ iss: `${provider.url}/corp/` }),
      { failed: ['iss'], issuer: null },
    ],
    [
      'an issuer that cannot be reached',
      () => sign({ iss: 'https://localhost:1' }),
      { failed: ['signature'], code: 'issuer-unavailable', issuer: 'gone' },
    ],
    [
      'another signature',
      () => `${sign().split('.').slice(0, 2).join('.')}.${Buffer.alloc(256, 1).toString('base64url')}`,
      { failed: ['signature'] },
    ],
    ['what is not a token', () => 'hello', { failed: ['form'], code: 'unauthenticated' }],
  ])('refuses a token with %s, and says which rules it fails', async (_what, token, expected) => {
    expect(await check(token())).toMatchObject({ exit: 1, accepted: false, role: null, scopes: [], ...expected })
  })

  it('says that a person is disabled here, although the token is good', async () => {
    await vault.cli(['staff', 'disable', 'staff:corp/bob'], env)
    expect(await check(sign({ sub: 'bob' }))).toMatchObject({ exit: 1, failed: ['standing'], code: 'unauthenticated' })
  })

  it('takes the vault’s own tokens too', async () => {
    const args = ['staff', 'token', '--name', 'bea', '--role', 'support', '--json']
    const { access_token } = (await vault.cli(args, env)).json<{ access_token: string }>()
    expect(await check(access_token)).toMatchObject({
      exit: 0,
      issuer: 'strongroom',
      caller: 'staff:bea',
      role: 'support',
    })
    const changed = access_token.replace(/\.[^.]*$/, `.${Buffer.alloc(64, 1).toString('base64url')}`)
    expect(await check(changed)).toMatchObject({ exit: 1, failed: ['own'], issuer: 'strongroom' })
  })
})
