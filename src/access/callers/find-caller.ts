import type { Database } from '../../database/database.ts'
import { Problem } from '../../values/problem.ts'
import { titleOf } from '../../values/problem-codes.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import type { AccessMacs } from '../ledger/access-macs.ts'
import { findClientWithSecrets } from '../ledger/client-store.ts'
import type { Caller } from '../policy/caller.ts'
import { isFromIssuer, staffId } from '../policy/person.ts'
import { summarise } from '../policy/role-summary.ts'
import type { CurrentRoles } from '../roles-in-force/current-roles.ts'
import { CallerError, requireRole } from './clients.ts'

/**
 * The caller in question: a client by its id; a member of staff by name, with the role and site of a token of theirs.
 */
export interface NamedCaller {
  id: string
  role?: string | undefined
  site: string
  /** As if the access token were bound to its owner. */
  bound?: boolean | undefined
}

export interface FindCallerDeps {
  database: Database
  roles: CurrentRoles
  macs: AccessMacs
  ledger: AccessLedger
  production: boolean
  checkCallerStatus: (caller: Caller) => Promise<Caller>
}

/**
 * The caller with all that the role has, as a request now would make it; or why a request would be refused.
 *
 * @throws {CallerError} for a client that does not exist, and staff without a role
 */
export async function findCaller(
  deps: FindCallerDeps,
  { id: given, role, site, bound }: NamedCaller,
): Promise<Caller | { id: string; refused: Problem; line: string }> {
  const id = staffId(given)
  const found = await deps.ledger.settle(async () => {
    const client = await findClientWithSecrets(deps.database, id)
    return { client, ledger: client?.ledger }
  })
  const { client } = found.answer
  if (client === undefined && !id.startsWith('staff:')) {
    throw new CallerError('there is no such client; a member of staff is written as staff:NAME')
  }
  if (client?.revoked_at === null && !(await deps.macs.isClient(client, found.state))) {
    return { id, refused: new Problem('invalid-client'), line: 'the client was changed outside the vault' }
  }
  const name = client === undefined ? role : (client.role ?? undefined)
  if (client === undefined && name === undefined) throw new CallerError('say which role the member of staff has')
  const { scopes, purposes } = name === undefined ? NOTHING : summarise(await requireRole(deps.roles, name))
  const caller: Caller = {
    id,
    kind: client === undefined ? 'staff' : 'client',
    role: name,
    scopes: new Set(client?.scopes ?? scopes),
    purposes: new Set(purposes),
    site: client?.site ?? site,
    partnerId: client?.partner ?? undefined,
    confirmation: bound ? 'dpop' : undefined,
    isTrial: client === undefined && !deps.production && !isFromIssuer(id) ? true : undefined,
  }
  try {
    return await deps.checkCallerStatus(caller)
  } catch (error) {
    if (!(error instanceof Problem) || error.kind !== 'refused') throw error
    return { id, refused: error, line: `the caller: ${titleOf(error.code)}` }
  }
}

const NOTHING = { scopes: [], purposes: [] } as const
