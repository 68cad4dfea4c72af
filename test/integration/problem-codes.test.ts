import type { Response } from 'supertest'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import type { Conditions, Scope } from '../../src/access/policy/roles.ts'
import { PROBLEM_STATUSES } from '../../src/http/documents/problem-statuses.ts'
import { PROBLEM_CODES, type ProblemCode, titleOf } from '../../src/values/problem-codes.ts'
import { callWithoutIssuer } from '../support/call-without-issuer.ts'
import { problemsOfNouns } from '../support/problems-of-nouns.ts'
import { type Answer, exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { card, cards, contact } from '../support/samples.ts'
import { shopperProblems } from '../support/shopper-problems.ts'
import { stopSchemaWatch } from '../support/stop-schema-watch.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { TestVault } from '../support/test-vault.ts'

// Some wait for a timeout, and one for a hundred hashes.
vi.setConfig({ testTimeout: 60_000 })
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let vault: TestVault
/** A second server, whose way to the database can be cut and whose token endpoint is soon exhausted. */
let fragile: TestVault
let proxy: TcpProxy
let bearer: Record<'checkout' | 'support' | 'billing' | 'fraud' | 'officer', string>

beforeAll(async () => {
  vault = await TestVault.start()
  proxy = await startTcpProxy(vault.database.serverUrl)
  fragile = await TestVault.start({
    sharedDatabase: { ...vault.database, serverUrl: proxy.url },
    config: { records: { findsCards: false } },
    overrides: { rateLimits: { requestsPerMinute: 1, failuresPerMinute: 100 } },
  })
  for (const server of [vault, fragile]) await stopSchemaWatch(server)
  bearer = {
    checkout: await vault.clientToken(['tokenize']),
    support: await vault.staffToken('support'),
    billing: await vault.staffToken('billing'),
    fraud: await vault.staffToken('fraud'),
    officer: await vault.staffToken('privacy-officer'),
  }
})
afterEach(async () => {
  await vault.checkInvariants()
  await fragile.checkInvariants()
})
afterAll(async () => {
  await fragile.stop()
  await proxy.close()
  await vault.stop()
})

const tokenize = (body: unknown, headers: Record<string, string> = {}, on = vault) =>
  on.call('POST', '/v1/tokenize', { token: bearer.checkout, body, headers })
const read = (token: string) => vault.call('GET', `/v1/tokens/${token}`, { token: bearer.support })
const reveal = (token: string, as: keyof typeof bearer, body: unknown) =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer[as], body })
const audit = (path: string) => vault.call('GET', `/v1/audit/${path}`, { token: bearer.officer })
const raw = (...lines: string[]) => exchangeOnce(vault, rawRequest([...lines, 'Host: localhost', 'Connection: close']))
const newCard = async () => (await tokenize({ card })).body.card.token as string
const newContact = async () => (await tokenize({ contact })).body.contact.token as string
const byNumber = { by: 'card_number', value: card.number, purpose: 'process-payment' }
const sql = (text: string) => vault.database.sql(text)

/** Changes the keys, and answers with the first write that meets that code. */
async function onceChanged(change: string, code: ProblemCode): Promise<Response> {
  await sql(change)
  return vi.waitUntil(async () => {
    const answer = await tokenize({ contact })
    return answer.body.code === code && answer
  })
}

/** The same, answered when they are right again. */
async function whileChanged(change: string, back: string, code: ProblemCode): Promise<Response> {
  const answer = await onceChanged(change, code)
  await sql(back)
  await vi.waitUntil(async () => (await tokenize({ contact })).status === 201)
  return answer
}

async function inFlight(): Promise<Response> {
  const key = { 'Idempotency-Key': 'in-flight' }
  const release = await vault.database.hold('LOCK TABLE records IN EXCLUSIVE MODE')
  const first = tokenize({ contact }, key)
  await vi.waitUntil(async () => (await vault.database.waiting()) === 1)
  const second = await tokenize({ contact }, key).finally(release)
  await first
  return second
}

/** The record can be found, but each attempt to lock the found version finds it changed. */
async function changedMeanwhile(): Promise<Response> {
  await newContact()
  await sql('ALTER TABLE records ENABLE ROW LEVEL SECURITY')
  // The record is there, and is gone when it is to be released.
  await sql("CREATE POLICY can_be_read ON records FOR SELECT USING (current_query() NOT LIKE '%hold_to_release%')")
  try {
    return await search()
  } finally {
    await sql('DROP POLICY can_be_read ON records')
    await sql('ALTER TABLE records DISABLE ROW LEVEL SECURITY')
  }
}

async function flood(): Promise<Response> {
  const attempts = Array.from({ length: 120 }, () => vault.requestToken('client_unknown', 'secret'))
  const answers = await Promise.all(attempts)
  return answers.find((answer) => answer.status === 503) ?? answers[0]!
}

async function whileBroken(breakIt: string, mendIt: string, request = () => tokenize({ contact })): Promise<Response> {
  await sql(breakIt)
  return request().finally(() => sql(mendIt))
}

const search = () =>
  vault.call('POST', '/v1/search', { token: bearer.support, body: { by: 'email', value: contact.email } })

const decide = (id: string, token: string, verdict: string) =>
  vault.call('POST', `/v1/approvals/${id}/${verdict}`, { token })

async function underCondition(conditions: Conditions, scopes?: readonly Scope[]): Promise<Response> {
  const role = conditionalRole(conditions)
  const careful = { ...role, scopes: scopes ?? role.scopes }
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful }))
  const token = await vault.staffToken('careful')
  return vault.call('POST', `/v1/tokens/${await newCard()}/reveal`, { token, body: { purpose: 'enforce-rights' } })
}

async function withoutDatabase(): Promise<Response> {
  proxy.cut()
  return tokenize({ contact }, {}, fragile).finally(() => proxy.mend())
}

const UNKNOWN_CARD = `card_${'0'.repeat(26)}`
const basicNobody = { 'Content-Type': 'application/x-www-form-urlencoded' }

/** One request for each code. */
const requests: Partial<Record<ProblemCode, () => Promise<Answer>>> = {
  'malformed-request': () => raw('GET /healthz HTTP/1.1', 'Authorization: Bearer a', 'Authorization: Bearer b'),
  'malformed-json': () => vault.call('POST', '/v1/tokenize', { token: bearer.checkout, text: '{"card":' }),
  'malformed-url': () => raw('GET /v1/tokens/%E0%A4%A HTTP/1.1'),
  'query-not-accepted': () => vault.call('GET', '/healthz?access_token=x'),
  'method-not-allowed': () => vault.call('GET', '/v1/tokenize'),
  'not-found': () => vault.call('GET', '/v1/nothing-here'),
  'request-timeout': () => exchangeOnce(vault, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n', { timeoutMs: 20_000 }),
  'body-too-large': () => vault.call('POST', '/oauth/token', { text: 'a'.repeat(9000), headers: basicNobody }),
  'unsupported-media-type': () => tokenize({ contact }, { 'Content-Type': 'text/plain' }),
  'wrong-host': () =>
    exchangeOnce(vault, rawRequest(['GET /docs HTTP/1.1', 'Host: vault.attacker.example', 'Connection: close'])),
  'headers-too-large': () => raw('GET /healthz HTTP/1.1', `X-Filler: ${'a'.repeat(20_000)}`),
  'unknown-transfer-coding': () => raw('POST /v1/tokenize HTTP/1.1', 'Transfer-Encoding: gzip'),
  'invalid-client': () => vault.requestToken('client_unknown', 'secret'),
  'invalid-token-request': () => vault.requestToken('client_unknown', 'secret', 'grant_type=password'),
  unauthenticated: () => vault.call('GET', `/v1/tokens/${UNKNOWN_CARD}`),
  'scope-missing': () => vault.call('GET', '/v1/audit/events', { token: bearer.support }),
  'purpose-not-permitted': () => reveal(UNKNOWN_CARD, 'billing', { purpose: 'marketing' }),
  'fields-not-permitted': () => reveal(UNKNOWN_CARD, 'fraud', { purpose: 'enforce-rights', fields: ['number'] }),
  'condition-not-met': () => underCondition({ reason: true }),
  'approval-required': () => underCondition({ approval: true }),
  'budget-spent': async () => {
    const budget = { per_day: 1, beyond: 'suspend' } as const
    await vault.commands.applyRoles(OPERATOR, roleFile({ fraud: { budget } }))
    await vault.call('GET', `/v1/tokens/${UNKNOWN_CARD}`, { token: bearer.fraud })
    return vault.call('GET', `/v1/tokens/${await newCard()}`, { token: bearer.fraud })
  },
  'approval-not-found': () => decide('apr_0', bearer.officer, 'approve'),
  'approval-decided': async () => {
    const { body } = await underCondition({ approval: true })
    await decide(body.approval, bearer.officer, 'refuse')
    return decide(body.approval, bearer.officer, 'approve')
  },
  'approval-changed': async () => {
    const { body } = await underCondition({ approval: true })
    await vault.database.sql("UPDATE approvals SET ticket = 'CASE-1' WHERE id = $1", [body.approval])
    return decide(body.approval, bearer.officer, 'approve')
  },
  'own-request': async () => {
    const scopes = ['card:reveal', 'address:reveal', 'contact:reveal', 'release:approve'] as const
    const { body } = await underCondition({ approval: true }, scopes)
    return decide(body.approval, await vault.staffToken('careful'), 'approve')
  },
  'contract-ended': async () => {
    const { commands } = vault
    const contract = { name: 'Carrier', country: 'SG', contact: 'Ann', purposes: ['provide-goods'] as const }
    const ends_at = new Date(Date.now() + 60_000)
    const { id } = await commands.addPartner(OPERATOR, { ...contract, fields: ['address.line1'], ends_at })
    const client = await vault.client(['address:reveal'], { role: 'fulfilment', partner: id })
    const { body } = await vault.requestToken(client.id, client.secret)
    await commands.endPartner(OPERATOR, id)
    return vault.call('GET', `/v1/tokens/${UNKNOWN_CARD}`, { token: body.access_token })
  },
  'caller-suspended': () => vault.call('GET', `/v1/tokens/${UNKNOWN_CARD}`, { token: bearer.fraud }),
  'card-search-off': () => fragile.call('POST', '/v1/search', { token: bearer.billing, body: byNumber }),
  'too-many-requests': async () => {
    await fragile.requestToken('client_unknown', 'secret')
    return fragile.requestToken('client_unknown', 'secret')
  },
  'invalid-input': () => tokenize({ contact: { email: 'nobody' } }),
  'unknown-member': () => tokenize({ contact, colour: 'red' }),
  'sensitive-authentication-data': () => tokenize({ card: { ...card, cvv: '123' } }),
  'invalid-card-number': () => tokenize({ card: { ...card, number: '4242424242424241' } }),
  'card-expired': () => tokenize({ card: { ...card, exp_year: 2020 } }),
  'card-number-in-text': () => tokenize({ contact: { name: cards.visa } }),
  'invalid-idempotency-key': () => tokenize({ contact }, { 'Idempotency-Key': 'k'.repeat(256) }),
  'idempotency-key-reused': async () => {
    await tokenize({ contact }, { 'Idempotency-Key': 'reused' })
    return tokenize({ card }, { 'Idempotency-Key': 'reused' })
  },
  'record-not-found': () => read(UNKNOWN_CARD),
  'record-gone': async () => {
    const token = await newContact()
    await vault.call('DELETE', `/v1/tokens/${token}`, { token: bearer.officer })
    return read(token)
  },
  'request-in-flight': inFlight,
  'record-changed': changedMeanwhile,
  'record-integrity': async () => {
    const token = await newCard()
    await sql(`UPDATE readable.records SET display_sealed = '\\x01' WHERE token = '${token}'`)
    return read(token)
  },
  internal: () =>
    whileBroken('ALTER TABLE search_terms RENAME TO elsewhere', 'ALTER TABLE elsewhere RENAME TO search_terms', search),
  ...problemsOfNouns(() => vault),
  ...shopperProblems(() => [vault, bearer.officer!]),
  'event-not-found': () => audit('events/evt_00000000000000000000000000/receipt'),
  // No process keeps the log of this vault.
  'log-pending': () => audit('checkpoint'),
  'event-dropped': async () => {
    const size = "INSERT INTO audit_head VALUES (true, 'o', 1, sha256(''), '', 0, now())"
    await sql(size)
    return audit('tile/0/000.p/1')
  },
  'audit-log-changed': async () => {
    const watching = await TestVault.start({ sharedDatabase: vault.database, config: { watchesLog: true } })
    const ready = () => watching.call('GET', '/readyz')
    return vi
      .waitUntil(async () => (await ready()).status === 503 && ready(), { timeout: 20_000 })
      .finally(() => watching.stop())
  },
  'database-unavailable': withoutDatabase,
  'schema-changed': async () => {
    const look = () => vault.background.tasks.get('watch-database-schema')!.run()
    await sql('ALTER TABLE clients DISABLE TRIGGER access_version')
    await look()
    const answer = await audit('checkpoint')
    await sql('ALTER TABLE clients ENABLE ALWAYS TRIGGER access_version')
    await look()
    return answer
  },
  'audit-unavailable': () =>
    whileBroken(
      'REVOKE INSERT ON audit_events FROM strongroom_runtime',
      'GRANT INSERT ON audit_events TO strongroom_runtime',
    ),
  busy: flood,
  'restored-backup': async () => {
    // What another code has put there is a reason of its own.
    await sql('DELETE FROM audit_head')
    await sql("INSERT INTO outside_checkpoints VALUES (1000000, '', null, 'a witness', now())")
    const watching = await TestVault.start({ sharedDatabase: vault.database, config: { watchesLog: true } })
    const answer = await watching.call('GET', '/readyz').finally(() => watching.stop())
    return sql('DELETE FROM outside_checkpoints').then(() => answer)
  },
  'issuer-unavailable': () => callWithoutIssuer(vault, `/v1/tokens/${UNKNOWN_CARD}`),
  sealed: () =>
    whileChanged(
      "UPDATE keys SET deactivated_at = now() WHERE purpose = 'index'",
      'UPDATE keys SET deactivated_at = NULL',
      'sealed',
    ),
  // The last test that stores anything: a server that saw the count at the limit stops using the key, whatever happens
  // to the count.
  'key-expired': () =>
    onceChanged(
      "UPDATE key_uses SET uses = 2147483648 WHERE key_id = (SELECT id FROM keys WHERE purpose = 'secret')",
      'key-expired',
    ),
  'shutting-down': () => {
    fragile.beginShutdown()
    return fragile.call('GET', '/healthz')
  },
}

it.each(Object.entries(requests))('%s', async (code, request) => {
  const status = PROBLEM_STATUSES[code as ProblemCode]
  const answer = await request()
  expect({ ...JSON.parse(answer.text), http: answer.status }, answer.text).toMatchObject({
    code,
    status,
    title: titleOf(code as ProblemCode),
    http: status,
  })
})

it('every code of the registry is produced here', () => {
  expect(Object.keys(requests).sort()).toEqual([...PROBLEM_CODES].sort())
})
