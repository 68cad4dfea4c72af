import type { Alert } from '../alert.ts'
import { createBatch } from '../database/batch.ts'
import type { Database } from '../database/database.ts'
import type { Presented } from '../http/route.ts'
import { Problem } from '../problem.ts'
import { type AccessTokenOptions, createAccessTokens } from './access-token.ts'
import { authenticate } from './authenticate.ts'
import type { Caller } from './caller.ts'
import { createClientSecrets } from './client-secret.ts'
import type { CurrentRoles } from './current-roles.ts'
import { acceptIssuers } from './issuer-tokens.ts'
import type { RoleSet } from './role-set.ts'
import type { SpentId } from './spent-id.ts'
import { insertSpentIds, sweepSpentIds } from './spent-id-store.ts'
import { loadTrustedIssuers } from './trusted-issuers.ts'

export interface AuthenticationDeps extends Omit<AccessTokenOptions, 'isRole'> {
  database: Database
  alert: Alert
  roles: CurrentRoles
  admit: (caller: Caller) => Promise<Caller>
  /** The identity providers of the staff; without the file staff have the vault's own tokens only. */
  issuersFile: string | undefined
}

/**
 * Everything that finds out who is calling.
 *
 * @throws {ConfigError} when the file of identity providers is wrong, or names a role that is not in force
 */
export async function createAuthentication(deps: AuthenticationDeps) {
  const { database, now, issuer, alert, admit } = deps
  // Whether there is such a role is the question of `admit`, which knows the set in force.
  const accessTokens = createAccessTokens({ ...deps, isRole: () => true })
  const clientSecrets = await createClientSecrets()
  const issuers = deps.issuersFile && (await loadTrustedIssuers(deps.issuersFile, issuer, await rolesNow(deps.roles)))
  const tokenVerifier = acceptIssuers(accessTokens, issuers || [], {
    now,
    onUnreachable: (unreachable, reason) => alert('issuer-unreachable', { issuer: unreachable, reason }),
  })
  const spendOnce = createBatch({ run: (spent: readonly SpentId[]) => insertSpentIds(database, spent) })
  return {
    accessTokens,
    clientSecrets,
    spendOnce,
    authenticate: (request: Presented) => authenticate({ tokenVerifier, admit, spendOnce, now }, request),
    /** Removes the ids of statements that are refused for their age. */
    sweep: () => sweepSpentIds(database, now()),
  }
}

/** A vault that is sealed, or whose roles were changed by somebody else, starts, and grants nothing until that is mended. */
async function rolesNow(roles: CurrentRoles): Promise<RoleSet['roles'] | 'unknown'> {
  try {
    const set = await roles.refresh()
    return set.distrusted ? 'unknown' : set.roles
  } catch (error) {
    if (error instanceof Problem && error.status === 503) return 'unknown'
    throw error
  }
}
