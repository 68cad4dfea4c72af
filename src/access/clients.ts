import type { AuditCaller, AuditEventType, NewAuditEvent } from '../audit/audit-event.ts'
import { insertEvents } from '../audit/audit-store.ts'
import type { Database, Queryable } from '../database/database.ts'
import type { NewId } from '../identifier.ts'
import type { RandomBytes } from '../random-bytes.ts'
import { Sensitive } from '../sensitive.ts'
import type { ClientSecrets } from './client-secret.ts'
import {
  type Client,
  insertClient,
  revokeClient as markRevoked,
  selectClients,
  updateClientSecret,
} from './client-store.ts'
import type { CurrentRoles } from './current-roles.ts'
import { insertPartnerClient } from './partner-store.ts'
import type { Role, RoleName, Scope } from './roles.ts'

export interface ClientDeps {
  database: Database
  clientSecrets: ClientSecrets
  newAuditEvent: NewAuditEvent
  newId: NewId
  randomBytes: RandomBytes
  now: () => Date
}

export interface NewClient {
  name: string
  scopes: readonly Scope[]
  role?: RoleName | undefined
  /** The third party that it belongs to. */
  partner?: string | undefined
  site: string
}

/** The operator asked for something that cannot be; the message is for the terminal. */
export class CallerError extends Error {
  override readonly name = 'CallerError'
}

/** The operator named a client that does not exist, or no longer does. */
export class UnknownClient extends Error {
  override readonly name = 'UnknownClient'
}

/** The role of that name in the set in force. @throws {CallerError} when there is none */
export async function requireRole(roles: CurrentRoles, name: RoleName): Promise<Role> {
  const set = await roles.refresh()
  const role = set.roles.get(name)
  if (role !== undefined) return role
  if (set.distrusted) throw new CallerError('the roles were changed by somebody else: apply them again first.')
  throw new CallerError(`there is no such role. Allowed choices are ${[...set.roles.keys()].join(', ')}.`)
}

/** 256 random bits: nothing to guess, so nothing to complain of in its form. */
const SECRET_BYTES = 32

/**
 * Makes a client. Its secret is returned here and never again.
 *
 * @throws {CallerError} when there is no such role, or it does not have all of the scopes
 */
export async function addClient(
  deps: ClientDeps & { roles: CurrentRoles },
  operator: AuditCaller,
  input: NewClient,
): Promise<{ id: string; secret: Sensitive<string> }> {
  const { role } = input
  const held = role === undefined ? input.scopes : (await requireRole(deps.roles, role)).scopes
  const beyond = input.scopes.filter((scope) => !held.includes(scope))
  if (beyond.length > 0) throw new CallerError(`the role ${role} does not have the scope ${beyond.join(', ')}`)
  if (input.partner !== undefined && !input.scopes.every((scope) => scope.endsWith(':reveal'))) {
    throw new CallerError('a client of a partner has scopes to reveal and no other')
  }
  const id = deps.newId('client')
  const secret = newSecret(deps)
  const hash = await deps.clientSecrets.hash(secret.expose())
  await deps.database.transaction(async (tx) => {
    const client = {
      id,
      name: input.name,
      role: role ?? null,
      scopes: [...input.scopes],
      site: input.site,
      created_at: deps.now(),
    }
    await insertClient(tx, client, hash)
    if (input.partner !== undefined && !(await insertPartnerClient(tx, id, input.partner))) {
      throw new CallerError('there is no such partner, or its contract has ended')
    }
    await record(deps, tx, 'client.add', operator, id, input.site)
  })
  return { id, secret }
}

export function listClients(deps: Pick<ClientDeps, 'database'>): Promise<Client[]> {
  return selectClients(deps.database)
}

/** Gives the client a new secret; the old one is worth nothing from now on. @throws {UnknownClient} unknown or revoked */
export async function rotateClientSecret(
  deps: ClientDeps,
  operator: AuditCaller,
  id: string,
): Promise<Sensitive<string>> {
  const secret = newSecret(deps)
  const hash = await deps.clientSecrets.hash(secret.expose())
  await deps.database.transaction(async (tx) => {
    const client = await updateClientSecret(tx, id, hash)
    if (client === undefined) throw new UnknownClient('there is no such client, or it was revoked')
    await record(deps, tx, 'client.rotate-secret', operator, id, client.site)
  })
  return secret
}

/** Refuses the client from its next request on. @throws {UnknownClient} */
export async function revokeClient(
  deps: Omit<ClientDeps, 'clientSecrets' | 'randomBytes'>,
  operator: AuditCaller,
  id: string,
): Promise<void> {
  await deps.database.transaction(async (tx) => {
    const client = await markRevoked(tx, id, deps.now())
    if (client === undefined) throw new UnknownClient('there is no such client')
    await record(deps, tx, 'client.revoke', operator, id, client.site)
  })
}

function newSecret(deps: Pick<ClientDeps, 'randomBytes'>): Sensitive<string> {
  return new Sensitive(deps.randomBytes(SECRET_BYTES).toString('base64url'))
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
