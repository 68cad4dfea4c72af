import type { AuditCaller } from '../audit/event/audit-event.ts'
import type { Sensitive } from '../values/sensitive.ts'
import type { AccessControl, AccessControlDeps } from './access-control.ts'
import type { Authentication } from './authentication/authentication.ts'
import type { Expiry, NewClient } from './callers/clients.ts'
import type { NewPartner } from './callers/partners.ts'
import type { TokenReport } from './issuers/check-token.ts'
import type { Client } from './ledger/client-store.ts'
import type { Partner } from './ledger/partner-store.ts'
import type { RebuildLedgerDeps } from './ledger-changes/rebuild-ledger.ts'
import type { Suspension } from './limits/suspension-store.ts'
import type { EncryptionJwkSet } from './policy/encryption-jwk.ts'
import type { PublicJwkSet } from './policy/public-jwk.ts'
import type { RoleFile, RoleSet } from './policy/role-set.ts'
import type { AccessLine } from './review-access.ts'
import type { StaffToken, StaffTokenRequest } from './tokens/staff-token.ts'

/** The operator's commands over callers, roles and partners. */
export interface AccessCommands {
  addClient(operator: AuditCaller, input: NewClient & Expiry): Promise<{ id: string; secret: Sensitive<string> }>
  /** @throws {CallerError} also for a certificate, if the server asks for none */
  addClientWithKey(
    operator: AuditCaller,
    input: NewClient,
    key: { keys: PublicJwkSet } | { certificate: string },
  ): Promise<{ id: string }>
  listClients(): Promise<Client[]>
  rotateClientSecret(
    operator: AuditCaller,
    id: string,
    how?: { overlapSeconds?: number } & Expiry,
  ): Promise<Sensitive<string>>
  replaceClientKeys(operator: AuditCaller, id: string, keys: PublicJwkSet): Promise<void>
  revokeClient(operator: AuditCaller, id: string): Promise<void>
  issueStaffToken(operator: AuditCaller, request: StaffTokenRequest): Promise<StaffToken>
  disableStaff(operator: AuditCaller, id: string): Promise<string>
  enableStaff(operator: AuditCaller, id: string): Promise<string>
  /** Which mapped claims do not fit the roles in force; undefined when all fit. */
  findMappingFault(): Promise<string | undefined>
  checkToken(token: string): Promise<TokenReport>
  readRoles(): Promise<RoleSet>
  applyRoles(operator: AuditCaller, file: RoleFile): Promise<{ revision: number; changed: boolean }>
  reviewAccess(operator: AuditCaller): Promise<AccessLine[]>
  addPartner(operator: AuditCaller, partner: NewPartner): Promise<{ id: string }>
  listPartners(): Promise<Partner[]>
  endPartner(operator: AuditCaller, id: string): Promise<void>
  /** @param keys null takes them away */
  replacePartnerKeys(operator: AuditCaller, id: string, keys: EncryptionJwkSet | null): Promise<void>
  rebuildLedger(operator: AuditCaller): Promise<{ count: number }>
  listSuspended(): Promise<Suspension[]>
  reinstateCaller(operator: AuditCaller, caller: string): Promise<void>
}

export interface AccessCommandDeps
  extends AccessControlDeps,
    Pick<AccessControl, 'ledger' | 'macs' | 'roles' | 'roleSetMacs'>,
    Pick<RebuildLedgerDeps, 'furtherAccess'>,
    Pick<AccessControl['limits'], 'probes'> {
  authentication: () => Promise<Authentication>
  production: boolean
  /** Whether the server asks its callers for certificates. Otherwise a client could never show one. */
  asksForCertificates: boolean
}

const NO_CERTIFICATES =
  'the server asks for no certificates: name the authority that signs them in STRONGROOM_CLIENT_CA, for the server and for this command.'

/** Each command loads what it needs when it runs. */
export function createAccessCommands(deps: AccessCommandDeps): AccessCommands {
  const { authentication, roleSetMacs } = deps
  const clients = () => import('./callers/clients.ts')
  const partners = () => import('./callers/partners.ts')
  const staff = () => import('./callers/disable-staff.ts')
  const withSecrets = async () => ({ ...deps, clientSecrets: (await authentication()).clientSecrets })
  return {
    addClient: async (operator, input) => (await clients()).addClient(await withSecrets(), operator, input),
    async addClientWithKey(operator, input, key) {
      const { addClientWithKey, CallerError } = await clients()
      if ('certificate' in key && !deps.asksForCertificates) throw new CallerError(NO_CERTIFICATES)
      return addClientWithKey(deps, operator, input, key)
    },
    listClients: async () => (await clients()).listClients(deps),
    rotateClientSecret: async (operator, id, how) =>
      (await clients()).rotateClientSecret(await withSecrets(), operator, id, how),
    replaceClientKeys: async (operator, id, keys) => (await clients()).replaceClientKeys(deps, operator, id, keys),
    revokeClient: async (operator, id) => (await clients()).revokeClient(deps, operator, id),
    async issueStaffToken(operator, request) {
      const { issueStaffToken } = await import('./tokens/staff-token.ts')
      const { accessTokens } = await authentication()
      return issueStaffToken({ ...deps, accessTokens }, operator, request)
    },
    disableStaff: async (operator, id) => (await staff()).disableStaff(deps, operator, id),
    enableStaff: async (operator, id) => (await staff()).enableStaff(deps, operator, id),
    findMappingFault: async () => (await authentication()).commands.findMappingFault(),
    checkToken: async (token) => (await authentication()).commands.checkToken(token),
    readRoles: () => deps.roles.refresh(),
    async applyRoles(operator, file) {
      const { applyRoles } = await import('./roles-in-force/apply-roles.ts')
      return applyRoles({ ...deps, macs: roleSetMacs }, operator, file)
    },
    async reviewAccess(operator) {
      const { reviewAccess } = await import('./review-access.ts')
      return reviewAccess(deps, operator, (await authentication()).issuers)
    },
    addPartner: async (operator, partner) => (await partners()).addPartner(deps, operator, partner),
    listPartners: async () => (await partners()).listPartners(deps),
    endPartner: async (operator, id) => (await partners()).endPartner(deps, operator, id),
    replacePartnerKeys: async (operator, id, keys) => (await partners()).replacePartnerKeys(deps, operator, id, keys),
    async rebuildLedger(operator) {
      const { rebuildLedger } = await import('./ledger-changes/rebuild-ledger.ts')
      return rebuildLedger(deps, operator)
    },
    async listSuspended() {
      const { selectSuspended } = await import('./limits/suspension-store.ts')
      return selectSuspended(deps.database)
    },
    async reinstateCaller(operator, caller) {
      const { reinstateCaller } = await import('./callers/reinstate-caller.ts')
      return reinstateCaller(deps, operator, caller)
    },
  }
}
