import { createBatch } from '../../database/batch.ts'
import type { Database } from '../../database/database.ts'
import type { RequestCredentials } from '../../http/route.ts'
import type { Argon2Cost } from '../../keys/root-key/argon2-cost.ts'
import type { Alert } from '../../observability/alert.ts'
import { Problem } from '../../values/problem.ts'
import { type ClientSecrets, createClientSecrets } from '../callers/client-secret.ts'
import { rememberProofs } from '../callers/presumption-store.ts'
import { checkToken, type TokenReport } from '../issuers/check-token.ts'
import { acceptIssuers } from '../issuers/issuer-tokens.ts'
import { loadTrustedIssuers, type TrustedIssuer } from '../issuers/trusted-issuers.ts'
import type { Caller } from '../policy/caller.ts'
import type { RememberedJti } from '../policy/presumption.ts'
import type { RoleSet } from '../policy/role-set.ts'
import type { CurrentRoles } from '../roles-in-force/current-roles.ts'
import {
  type AccessTokenOptions,
  type AccessTokens,
  createAccessTokens,
  type TokenSubject,
} from '../tokens/access-token.ts'
import { createProofKeys, type ProofKeys } from '../tokens/proof-keys.ts'
import type { RememberJti } from '../tokens/replay-cache.ts'
import { authenticate } from './authenticate.ts'

const REHEARSAL_SECONDS = 60

export interface AuthenticationDeps extends Omit<AccessTokenOptions, 'isRole'> {
  database: Database
  alert: Alert
  roles: CurrentRoles
  /** Whether a caller may still come in. @throws {Problem} */
  checkCallerStatus: (caller: Caller) => Promise<Caller>
  /** The identity providers of the staff; without the file staff have the vault's own tokens only. */
  issuersFile: string | undefined
  /** What the hash of a client's new secret costs. */
  secretCost?: Argon2Cost | undefined
}

interface Rehearsal {
  token(caller: TokenSubject): Promise<string>
  authenticate: Authentication['authenticate']
}

export interface Authentication {
  authenticate(request: RequestCredentials): Promise<Caller>
  accessTokens: AccessTokens
  clientSecrets: ClientSecrets
  rememberJti: RememberJti
  proofKeys: ProofKeys
  issuers: readonly TrustedIssuer[]
  /** Finds the caller of a token that it signs, with keys that are thrown away. Nothing else takes such a token. */
  rehearse(keys: AuthenticationDeps['keys']): Rehearsal
  commands: {
    /** Which mapped claims do not fit the roles in force; undefined when all fit. */
    findMappingFault(): Promise<string | undefined>
    checkToken(token: string): Promise<TokenReport>
  }
}

/**
 * Everything that finds the caller of a request.
 *
 * @throws {ConfigError} if the file of identity providers is wrong, or names a role that is not among the built-in ones
 *   while those are in force
 */
export async function createAuthentication(deps: AuthenticationDeps): Promise<Authentication> {
  const { database, now, issuer, alert } = deps
  // `checkCallerStatus`, which knows the set in force, checks that there is such a role.
  const accessTokens = createAccessTokens({ ...deps, isRole: () => true })
  const clientSecrets = createClientSecrets(deps.secretCost)
  const { issuersFile, roles } = deps
  const issuers = await loadTrustedIssuers(issuersFile, issuer, issuersFile ? await rolesAtStart(roles) : 'unknown')
  const tokenVerifier = acceptIssuers(accessTokens, issuers, {
    now,
    ownIssuer: issuer,
    onUnreachable: (unreachable, reason) => alert('issuer-unreachable', { issuer: unreachable, reason }),
  })
  const proofKeys = createProofKeys()
  const rememberJti = createBatch({
    run: async (jtis: readonly RememberedJti[]) => {
      const presumed = jtis.map((jti) => ({ jti, isProven: false }))
      const { faults } = await rememberProofs(database, presumed)
      return faults.map((fault) => fault === undefined)
    },
  })
  return {
    accessTokens,
    clientSecrets,
    rememberJti,
    proofKeys,
    issuers,
    rehearse(keys) {
      const own = createAccessTokens({ ...deps, keys, isRole: () => true })
      return {
        token: (caller) => own.issue(caller, REHEARSAL_SECONDS),
        authenticate: (request) => authenticate({ tokenVerifier: own, proofKeys, now }, request),
      }
    },
    commands: {
      findMappingFault: async () =>
        loadTrustedIssuers(issuersFile, issuer, (await roles.refresh()).roles).then(
          () => undefined,
          (error: Error) => error.message,
        ),
      checkToken: (token: string) => checkToken({ ...deps, own: accessTokens, ownIssuer: issuer, issuers }, token),
    },
    authenticate: (request: RequestCredentials) => authenticate({ tokenVerifier, proofKeys, now }, request),
  }
}

/**
 * The roles that the file must fit: the built-in ones, which never change, so that only the file can be wrong. A set
 * that an operator applied may have lost a role since the file was written: people who are mapped to it are refused,
 * with an alert, and all others are served. The same holds for a vault that is sealed, or whose roles were changed
 * outside the vault.
 */
async function rolesAtStart(roles: CurrentRoles): Promise<RoleSet['roles'] | 'unknown'> {
  try {
    const set = await roles.refresh()
    return set.revision === 0 && !set.distrusted ? set.roles : 'unknown'
  } catch (error) {
    if (error instanceof Problem && error.kind === 'unavailable') return 'unknown'
    throw error
  }
}
