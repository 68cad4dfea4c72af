import { writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ASSERTION_TYPE } from '../../src/access/authentication/client-jwt.ts'
import { type CallerKey, createCallerKey, signAssertion, signProof } from '../support/caller-keys.ts'
import { createClientAuthority } from '../support/client-certificates.ts'
import { VaultProcess } from '../support/vault-process.ts'

/** The ways in, through the built program with two workers and its command line. */
let vault: VaultProcess
let key: CallerKey
let authority: Awaited<ReturnType<typeof createClientAuthority>>
const agents: Agent[] = []

const file = (name: string) => path.join(vault.directory, name)
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }
const issuer = () => `https://localhost:${vault.port}`

beforeAll(async () => {
  vault = await VaultProcess.prepare()
  key = await createCallerKey()
  authority = await createClientAuthority()
  writeFileSync(file('clients-ca.pem'), authority.pem)
  writeFileSync(file('key.pem'), key.publicKey.export({ type: 'spki', format: 'pem' }))
  writeFileSync(file('private.pem'), key.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  await vault.start({ STRONGROOM_WORKERS: '2', STRONGROOM_CLIENT_CA: file('clients-ca.pem') })
})
afterAll(async () => {
  for (const agent of agents) agent.destroy()
  await vault.remove()
})

/** A connection of its own, which the system gives to either worker. */
function newAgent(certificate: { cert?: string; key?: string } = {}): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...certificate })
  agents.push(agent)
  return agent
}

async function add(...more: string[]): Promise<Record<string, string>> {
  const env = { STRONGROOM_CLIENT_CA: file('clients-ca.pem') }
  const result = await vault.cli(['clients', 'add', '--name', 'e2e', '--scope', 'tokenize', ...more, '--json'], env)
  expect(result.code, result.stderr).toBe(0)
  return result.json()
}
const tokenOf = (body: Record<string, string>, agent?: Agent) =>
  vault.call<Record<string, string>>('POST', '/oauth/token', {
    body: new URLSearchParams({ grant_type: 'client_credentials', ...body }).toString(),
    headers: FORM,
    ...(agent ? { agent } : {}),
  })
const tokenize = (agent: Agent, authorization: Record<string, string>) =>
  vault.call('POST', '/v1/tokenize', { body: { contact: { email: 'mei@example.sg' } }, headers: authorization, agent })

describe('clients', () => {
  it('rotate a secret with an overlap, from the command line', async () => {
    const added = await add('--expires', '90d')
    const rotated = await vault.cli(['clients', 'rotate-secret', added.client_id!, '--overlap', '24h', '--json'])
    const fresh = rotated.json<{ client_secret: string }>().client_secret
    for (const secret of [added.client_secret!, fresh]) {
      expect((await vault.requestToken(added.client_id!, secret)).status).toBe(200)
    }
    const list = (await vault.cli(['clients', 'list', '--json'])).json<Record<string, unknown>[]>()
    const listed = list.find((client) => client.client_id === added.client_id)
    const until = Date.parse(String(listed?.previous_secret_expires_at)) - Date.now()
    expect(until).toBeGreaterThan(23.9 * 3_600_000)
    expect(until).toBeLessThanOrEqual(24 * 3_600_000)
    expect(listed).not.toHaveProperty('secret_expires_at')
  })

  it('prove themselves by a key that the vault never sees', async () => {
    const { client_id, ...rest } = await add('--public-key', file('key.pem'))
    expect(rest).toEqual({})
    const assertion = await signAssertion(key, client_id!, new Date(), { claims: { aud: issuer() } })
    const parameters = { client_assertion_type: ASSERTION_TYPE, client_assertion: assertion }
    const answers = [await tokenOf(parameters, newAgent()), await tokenOf(parameters, newAgent())]
    expect(answers.map(({ status }) => status)).toEqual([200, 401])
  })

  it('prove themselves by a certificate, and use their tokens with it alone', async () => {
    const { client_id } = await add('--certificate-name', 'subject:CN=carrier,O=Acme')
    const carrier = await authority.issue({ subject: 'O=Acme, CN=carrier' })
    const other = await authority.issue({ subject: 'O=Acme, CN=other' })
    const issued = await tokenOf({ client_id: client_id! }, newAgent(carrier))
    expect(issued.status, issued.text).toBe(200)
    const bearer = { Authorization: `Bearer ${issued.body.access_token}` }
    for (let i = 0; i < 4; i++) expect((await tokenize(newAgent(carrier), bearer)).status).toBe(201)
    for (const agent of [newAgent(other), newAgent()]) expect((await tokenize(agent, bearer)).status).toBe(401)
    expect((await tokenOf({ client_id: client_id! }, newAgent(other))).status).toBe(401)
  })

  it('are not added by a certificate where none are asked for', async () => {
    const options = ['--name', 'x', '--scope', 'tokenize', '--certificate-name', 'subject:CN=carrier']
    const result = await vault.cli(['clients', 'add', ...options])
    expect(result).toMatchObject({ code: 2, stdout: '' })
    expect(result.stderr).toMatch(/^the server asks for no certificates: .*STRONGROOM_CLIENT_CA.*\.$/m)
  })

  it.each<[string, () => string[], RegExp]>([
    ['a private key', () => ['--public-key', file('private.pem')], /that is a private key/],
    ['a file that is not there', () => ['--jwks', file('none.json')], /cannot be read \(ENOENT\)/],
    ['two ways at once', () => ['--public-key', file('key.pem'), '--certificate-name', 'dns:a'], /in one way/],
    ['an end for a key', () => ['--public-key', file('key.pem'), '--expires', '1d'], /only a secret can expire/],
    ['a name that no certificate has', () => ['--certificate-name', 'carrier'], /a certificate is known by/],
    ['a time without a unit', () => ['--expires', '90'], /expected a time such as 30m, 24h or 90d/],
  ])('are not made with %s', async (_what, options, message) => {
    const result = await vault.cli(['clients', 'add', '--name', 'x', '--scope', 'tokenize', ...options()])
    expect(result).toMatchObject({ code: 2, stdout: '' })
    expect(result.stderr).toMatch(message)
    expect(result.stderr).not.toContain('BEGIN')
  })
})

it('a token of the command line can be bound to a key, whose proofs count once on all workers', async () => {
  const args = ['staff', 'token', '--name', 'Ann', '--role', 'support', '--dpop-jkt', key.thumbprint, '--json']
  const { access_token } = (await vault.cli(args)).json<{ access_token: string }>()
  const url = `/v1/tokens/cont_${'0'.repeat(26)}`
  const prove = () => signProof(key, { method: 'GET', url: `${issuer()}${url}`, accessToken: access_token }, new Date())
  const read = async (agent: Agent, proof: string) =>
    (await vault.call('GET', url, { headers: { Authorization: `DPoP ${access_token}`, DPoP: proof }, agent })).status
  const connections = Array.from({ length: 6 }, () => newAgent())
  for (const agent of connections) expect(await read(agent, await prove())).toBe(404)
  const once = await prove()
  const answers = await Promise.all(connections.map((agent) => read(agent, once)))
  expect(answers.sort()).toEqual([401, 401, 401, 401, 401, 404])
  const asBearer = await vault.call('GET', url, { token: access_token })
  expect(asBearer.status).toBe(401)
})

it('the thumbprint has a short name too, and must be one', async () => {
  const staff = (...more: string[]) => vault.cli(['staff', 'token', '--name', 'Ann', '--role', 'support', ...more])
  const { code, stdout, stderr } = await staff('--jkt', key.thumbprint)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const claims = JSON.parse(Buffer.from(stdout.split('.')[1]!, 'base64url').toString()) as { cnf?: object }
  expect(claims.cnf).toEqual({ jkt: key.thumbprint })
  for (const thumbprint of ['short', `${key.thumbprint}=`, '']) {
    const refused = await staff('--jkt', thumbprint)
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toMatch(/thumbprint/)
  }
})

it('a member of staff is refused on all workers as soon as the command has ended, and let in again', async () => {
  const token = (await vault.cli(['staff', 'token', '--name', 'Bea', '--role', 'support', '--json'])).json<{
    access_token: string
  }>().access_token
  const url = `/v1/tokens/cont_${'0'.repeat(26)}`
  const connections = Array.from({ length: 6 }, () => newAgent())
  const statuses = async () =>
    new Set(
      (await Promise.all(connections.map((agent) => vault.call('GET', url, { token, agent })))).map((a) => a.status),
    )
  expect(await statuses()).toEqual(new Set([404]))
  expect((await vault.cli(['staff', 'disable', 'staff:Bea'])).stdout).toBe('disabled staff:bea\n')
  expect(await statuses()).toEqual(new Set([401]))
  expect((await vault.cli(['staff', 'enable', 'staff:Bea', '--json'])).json()).toEqual({
    id: 'staff:bea',
    disabled: false,
  })
  expect(await statuses()).toEqual(new Set([404]))
  expect(await vault.cli(['staff', 'enable', 'staff:Bea'])).toMatchObject({ code: 2, stdout: '' })
})

describe('a file of identity providers that cannot be used', () => {
  it('is found by the doctor, and refuses the start, in a sentence that says where', async () => {
    const corp = { name: 'corp', issuer: 'https://id.example', audience: 'vault' }
    const mappings = [{ claim: 'groups', value: 'x', role: 'superuser' }]
    writeFileSync(file('issuers.json'), JSON.stringify([{ ...corp, mappings }]))
    const env = { STRONGROOM_ISSUERS_FILE: file('issuers.json') }
    const doctor = await vault.cli(['doctor', '--json'], env)
    expect(doctor.code).toBe(1)
    const findings = doctor.json<{ code: string; detail: string }[]>()
    expect(findings).toContainEqual({
      code: 'issuers-file',
      detail: expect.stringMatching(/issuers\.json is not usable at \/0\/mappings\/0\/role/),
    })
    const list = await vault.cli(['clients', 'list'], env)
    expect(list).toMatchObject({ code: 1, stdout: '' })
    expect(list.stderr).toContain('not usable at /0/mappings/0/role')
  })
})
