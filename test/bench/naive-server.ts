/**
 * The yardstick: the same promises in the way one would write them first. Stock Express with helmet(), express.json() and
 * res.json(); the vault's own schemas, sealing, audit events and token verification; one knex transaction per request. The
 * client is looked up on every request, as the vault does, so that a revocation holds from the next one on.
 */
import { createServer } from 'node:https'
import express, { type NextFunction, type Request, type Response } from 'express'
import helmet from 'helmet'
import knex, { type Knex } from 'knex'
import { authenticate } from '../../src/access/authentication/authenticate.ts'
import type { Caller } from '../../src/access/policy/caller.ts'
import { requireAnyScope } from '../../src/access/policy/grant.ts'
import { createAccessTokens } from '../../src/access/tokens/access-token.ts'
import { createProofKeys } from '../../src/access/tokens/proof-keys.ts'
import { readConfig } from '../../src/config/config.ts'
import { connectionOptions } from '../../src/database/database.ts'
import type { Sort } from '../../src/database/dictionary.ts'
import { statusOf } from '../../src/http/documents/problem-document.ts'
import { requestCredentials } from '../../src/http/request-credentials.ts'
import { sourceOf } from '../../src/http/source/source.ts'
import { createTrustedProxies } from '../../src/http/source/trusted-proxies.ts'
import { loadTls } from '../../src/http/tls/tls.ts'
import { joinTerms, termOf } from '../../src/records/record/record.ts'
import { checkoutSchema } from '../../src/records/tokenize/checkout-schema.ts'
import { tokenizeCheckouts } from '../../src/records/tokenize/tokenize.ts'
import type { NewRecord, NewRecords } from '../../src/records/tokenize/tokenize-store.ts'
import { uuidOf } from '../../src/values/identifier.ts'
import { parseInput } from '../../src/values/parse-input.ts'
import { Problem } from '../../src/values/problem.ts'
import { openVaultParts } from './vault-parts.ts'

const config = readConfig()
const databaseUrl = config.database?.url ?? ''
const parts = await openVaultParts({ databaseUrl, rootKeyFile: config.keys.passphraseFile })
const db = knex({
  client: 'pg',
  connection: connectionOptions({ url: databaseUrl }) as Knex.PgConnectionConfig,
  pool: { min: 0, max: 10 },
})
const accessTokens = createAccessTokens({
  ...parts,
  renewSigningKey: async () => {},
  issuer: config.issuer,
  production: false,
})
const schema = checkoutSchema(parts.kinds)

async function admit(caller: Caller): Promise<Caller> {
  const { id, kind } = caller
  if (kind === 'staff') {
    if (await db('disabled_staff').select('id').where({ id }).first()) throw new Error('the person is disabled')
    return caller
  }
  const client = await db('clients').select('id').where({ id }).whereNull('revoked_at').first()
  if (client === undefined) throw new Error('there is no such client')
  return caller
}

const { dictionary } = parts.database
type Name = string | null
const numberOf = async (sort: Sort, name: Name) => (await dictionary.ids(sort, [name]))(name)

async function insert({ records, now }: NewRecords): Promise<undefined> {
  const rows = await Promise.all(records.map((one) => recordRow(one, now)))
  const terms = await Promise.all(
    records.flatMap(({ record, terms }) => terms.map((term) => termRow(record.token, term))),
  )
  const events = await Promise.all(records.map(({ event }) => eventRow(event)))
  await db.transaction(async (tx) => {
    await tx('records').insert(rows)
    if (terms.length > 0) await tx('search_terms').insert(terms)
    await tx('audit_events').insert(events)
  })
  return undefined
}

async function recordRow({ record, terms }: NewRecord, now: Date) {
  const { token, kind, site, version, policyVersion = null, consents, display, secret } = record
  return {
    token: uuidOf(token),
    kind: await numberOf('kind', kind),
    site: await numberOf('site', site),
    version,
    policy: await numberOf('policy', policyVersion),
    consents: await numberOf('consents', consents.toSorted().join(' ')),
    display_key: await numberOf('key', display.keyId),
    display_sealed: display.bytes,
    secret_key: await numberOf('key', secret.keyId),
    secret_sealed: secret.bytes,
    terms: joinTerms(terms),
    created_at: now,
  }
}

async function termRow(token: string, { hash, keyId }: NewRecord['terms'][number]) {
  return { term: termOf({ hash }), token: uuidOf(token), key: await numberOf('key', keyId) }
}

async function eventRow({ id, token, caller, type, purpose, site, body }: NewRecord['event']) {
  return {
    id: uuidOf(id),
    token: token === null ? null : uuidOf(token),
    caller: await numberOf('caller', caller),
    type: await numberOf('type', type),
    purpose: await numberOf('purpose', purpose),
    site: await numberOf('site', site),
    body,
  }
}

const noProxies = createTrustedProxies([])
const app = express()
app.use(helmet())
app.use(express.json())
app.post('/v1/tokenize', async (request, response) => {
  const deps = { tokenVerifier: accessTokens, proofKeys: createProofKeys(), now: () => new Date() }
  const caller = await admit(
    await authenticate(deps, requestCredentials(request, config.issuer, sourceOf(request, noProxies))),
  )
  requireAnyScope(caller, ['tokenize'])
  const checkout = parseInput(schema, request.body)
  const batches = {
    insert,
    release: async () => [],
    releaseApproved: async () => undefined,
    commitMatch: async () => true,
  }
  const facts = { requestId: parts.newId('req'), source: sourceOf(request, noProxies) }
  const [answer] = await tokenizeCheckouts({ ...parts, batches }, caller, [checkout], facts)
  response.status(201).json(answer)
})
app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
  response.status(error instanceof Problem ? statusOf(error) : 500).json({ error: 'refused' })
})

createServer(await loadTls(config.tls), app).listen(config.port, config.host)
process.once('SIGTERM', () => process.exit(0))
