import type { AuditCaller, AuditEventType, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Database, Queryable } from '../../database/database.ts'
import type { NewId } from '../../values/identifier.ts'
import { drawFresh } from '../../values/random.ts'
import { Sensitive } from '../../values/sensitive.ts'
import { VaultError } from '../../values/vault-error.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { type AccessMacs, clientText, stateOf } from '../ledger/access-macs.ts'
import { CallerError } from '../ledger/caller-error.ts'
import {
  type Client,
  type ClientWithSecrets,
  insertClient,
  lockClient,
  revokeClient as markRevoked,
  selectClients,
  updateClientCredential,
} from '../ledger/client-store.ts'
import { insertTakeaway } from '../ledger/insert-takeaway.ts'
import { clientSubject } from '../ledger/ledger-subject.ts'
import { insertPartnerClient } from '../ledger/partner-store.ts'
import type { PublicJwkSet } from '../policy/public-jwk.ts'
import type { Role, RoleName, Scope } from '../policy/roles.ts'
import type { CurrentRoles } from '../roles-in-force/current-roles.ts'
import type { ClientSecrets } from './client-secret.ts'

export { CallerError }

export interface ClientDeps {
  database: Database
  macs: AccessMacs
  ledger: AccessLedger
  clientSecrets: ClientSecrets
  newAuditEvent: NewAuditEvent
  newId: NewId
  now: () => Date
}

export interface NewClientDeps extends ClientDeps {
  roles: CurrentRoles
}

export interface NewClient {
  name: string
  scopes: readonly Scope[]
  role?: RoleName | undefined
  /** The third party that it belongs to. */
  partner?: string | undefined
  site: string
}

export interface Expiry {
  /** When the secret expires; never if left out. */
  expiresInSeconds?: number | undefined
}

/** The operator named a client that does not exist, or no longer does. */
export class UnknownClient extends VaultError {
  override readonly name = 'UnknownClient'
}

/** The role of that name in the set in force. @throws {CallerError} if there is none */
export async function requireRole(roles: CurrentRoles, name: RoleName): Promise<Role> {
  const set = await roles.refresh()
  const role = set.roles.get(name)
  if (role !== undefined) return role
  if (set.distrusted) throw new CallerError('the roles were changed outside the vault: apply them again first.')
  throw new CallerError(`there is no such role. Allowed choices are ${[...set.roles.keys()].join(', ')}.`)
}

/** 256 random bits cannot be guessed, so no rule for passwords applies. */
const SECRET_BYTES = 32
/** 36 bits of it, kept in the clear: 220 are left to guess. */
const SECRET_START_LENGTH = 6
/** How a client proves itself: by exactly one of a secret, keys and a certificate. */
type Credential = Pick<ClientWithSecrets, 'secret_hash' | 'secret_start' | 'secret_expires_at' | 'keys' | 'certificate'>

const NO_CREDENTIAL: Credential = {
  secret_hash: null,
  secret_start: null,
  secret_expires_at: null,
  keys: null,
  certificate: null,
}

/** An overlap is for handing the new secret round; a secret that is never retired was not rotated. */
const MAX_OVERLAP_SECONDS = 30 * 24 * 60 * 60

/**
 * Makes a client. Its secret is returned here and never again.
 *
 * @throws {CallerError} if there is no such role, or it does not have all of the scopes
 */
export async function addClient(
  deps: NewClientDeps,
  operator: AuditCaller,
  input: NewClient & Expiry,
): Promise<{ id: string; secret: Sensitive<string> }> {
  await requireScopes(deps.roles, input)
  const secret = newSecret()
  const id = await insert(deps, operator, input, { ...NO_CREDENTIAL, ...(await stored(deps, secret, input)) })
  return { id, secret }
}

/**
 * Makes a client that proves itself by a key of its own, which the vault never holds: private_key_jwt (RFC 7523) or a
 * client certificate (RFC 8705).
 *
 * @throws {CallerError} if there is no such role, or it does not have all of the scopes
 */
export async function addClientWithKey(
  deps: Omit<NewClientDeps, 'clientSecrets'>,
  operator: AuditCaller,
  input: NewClient,
  credential: { keys: PublicJwkSet } | { certificate: string },
): Promise<{ id: string }> {
  await requireScopes(deps.roles, input)
  return { id: await insert(deps, operator, input, { ...NO_CREDENTIAL, ...credential }) }
}

export function listClients(deps: Pick<ClientDeps, 'database'>): Promise<Client[]> {
  return selectClients(deps.database)
}

/**
 * Gives the client a new secret. The old one is refused from now on, or after the overlap. A secret that was
 * overlapping already ends now.
 *
 * @throws {UnknownClient} unknown, revoked, or without a secret
 * @throws {CallerError} for an overlap of more than 30 days
 */
export async function rotateClientSecret(
  deps: ClientDeps,
  operator: AuditCaller,
  id: string,
  { overlapSeconds = 0, ...expiry }: { overlapSeconds?: number } & Expiry = {},
): Promise<Sensitive<string>> {
  if (overlapSeconds > MAX_OVERLAP_SECONDS) throw new CallerError('two secrets overlap for 30 days at the most')
  const secret = newSecret()
  const next = await stored(deps, secret, expiry)
  const overlapUntil = overlapSeconds > 0 ? inSeconds(deps, overlapSeconds) : null
  await changeCredential(deps, operator, id, 'client.rotate-secret', (client) => {
    const { secret_hash, secret_start, secret_expires_at } = client
    if (secret_hash === null) return undefined
    return {
      ...next,
      previous_secret_hash: overlapUntil && secret_hash,
      previous_secret_start: overlapUntil && secret_start,
      // The old secret works for the overlap, but not beyond its own expiry.
      previous_secret_expires_at: earlier(overlapUntil, secret_expires_at),
    }
  })
  return secret
}

/** Replaces all public keys of a client. @throws {UnknownClient} unknown, revoked, or without public keys */
export async function replaceClientKeys(
  deps: Omit<ClientDeps, 'clientSecrets'>,
  operator: AuditCaller,
  id: string,
  keys: PublicJwkSet,
): Promise<void> {
  await changeCredential(deps, operator, id, 'client.replace-keys', (client) => client.keys && { keys })
}

/** Refuses the client from its next request on. @throws {UnknownClient} */
export async function revokeClient(
  deps: Pick<ClientDeps, 'database' | 'ledger' | 'newAuditEvent' | 'now'>,
  operator: AuditCaller,
  id: string,
): Promise<void> {
  await deps.database.transaction(async (tx) => {
    await deps.ledger.hold(tx)
    const revoked = await markRevoked(tx, id, deps.now())
    if (revoked === undefined) throw new UnknownClient('there is no such client')
    await deps.ledger.recordOrLeave(tx, [{ subject: clientSubject(id), state: null }])
    const facts = { type: 'client.revoke', outcome: 'success', caller: operator, subject: id } as const
    await insertTakeaway(tx, deps.newAuditEvent({ ...facts, site: revoked.site }), revoked)
  })
}

async function requireScopes(roles: CurrentRoles, { role, scopes, partner }: NewClient): Promise<void> {
  const held = role === undefined ? scopes : (await requireRole(roles, role)).scopes
  const beyond = scopes.filter((scope) => !held.includes(scope))
  if (beyond.length > 0) throw new CallerError(`the role ${role} does not have the scope ${beyond.join(', ')}`)
  if (partner !== undefined && !scopes.every((scope) => scope.endsWith(':reveal'))) {
    throw new CallerError('a client of a partner has scopes to reveal and no other')
  }
}

async function insert(
  deps: Omit<ClientDeps, 'clientSecrets'>,
  operator: AuditCaller,
  input: NewClient,
  credential: Credential,
): Promise<string> {
  const id = deps.newId('client')
  const { name, role = null, scopes, partner, site } = input
  const client = {
    id,
    name,
    role,
    scopes: [...scopes],
    site,
    partner: partner ?? null,
    ...credential,
    created_at: deps.now(),
    revoked_at: null,
    previous_secret_hash: null,
    previous_secret_start: null,
    previous_secret_expires_at: null,
  }
  await deps.database.transaction(async (tx) => {
    await deps.macs.hold(tx)
    await insertClient(tx, { ...client, mac: deps.macs.ofClient(client) })
    if (partner !== undefined && !(await insertPartnerClient(tx, id, partner))) {
      throw new CallerError('there is no such partner, or its contract has ended')
    }
    await deps.ledger.record(tx, [{ subject: clientSubject(id), state: stateOf(clientText(client)) }])
    await record(deps, tx, 'client.add', operator, id, site)
  })
  return id
}

/**
 * Lets a client prove itself in another way from now on. That does not repair a row that was changed outside the vault.
 *
 * @param change what changes; nothing if the client proves itself in another way
 * @throws {UnknownClient}
 */
export async function changeCredential(
  deps: Pick<ClientDeps, 'database' | 'macs' | 'ledger' | 'newAuditEvent'>,
  operator: AuditCaller,
  id: string,
  type: AuditEventType,
  change: (client: ClientWithSecrets) => Partial<ClientWithSecrets> | null | undefined,
): Promise<void> {
  await deps.database.transaction(async (tx) => {
    await deps.macs.hold(tx)
    const client = await lockClient(tx, id)
    const changes = client?.revoked_at === null ? change(client) : undefined
    if (client === undefined || !changes) {
      throw new UnknownClient('there is no such client, or it was revoked, or proves itself in another way')
    }
    if (!(await deps.macs.isClient(client, await deps.ledger.stateIn(tx)))) throw new UnknownClient(CHANGED)
    const changed = { ...client, ...changes }
    await updateClientCredential(tx, { ...changed, mac: deps.macs.ofClient(changed) })
    await deps.ledger.record(tx, [{ subject: clientSubject(id), state: stateOf(clientText(changed)) }])
    await record(deps, tx, type, operator, id, client.site)
  })
}

const CHANGED = 'the client was changed outside the vault: revoke it and add another'

function earlier(one: Date | null, other: Date | null): Date | null {
  return one === null || other === null || one < other ? one : other
}

function newSecret(): Sensitive<string> {
  return new Sensitive(drawFresh(SECRET_BYTES).toString('base64url'))
}

async function stored(deps: ClientDeps, secret: Sensitive<string>, expiry: Expiry) {
  const text = secret.expose()
  const { expiresInSeconds } = expiry
  return {
    secret_hash: await deps.clientSecrets.hash(text),
    secret_start: text.slice(0, SECRET_START_LENGTH),
    secret_expires_at: expiresInSeconds === undefined ? null : inSeconds(deps, expiresInSeconds),
  }
}

function inSeconds(deps: Pick<ClientDeps, 'now'>, seconds: number): Date {
  return new Date(deps.now().getTime() + seconds * 1000)
}

async function record(
  deps: Pick<ClientDeps, 'newAuditEvent'>,
  tx: Queryable,
  type: AuditEventType,
  operator: AuditCaller,
  subject: string,
  site: string,
): Promise<void> {
  await insertEvents(tx, [deps.newAuditEvent({ type, outcome: 'success', caller: operator, subject, site })])
}
