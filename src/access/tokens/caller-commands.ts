import type { AuditCaller } from '../../audit/event/audit-event.ts'
import type { WriteAuditEvent } from '../../audit/event/write-audit-event.ts'
import {
  addClient,
  addClientWithKey,
  CallerError,
  type Expiry,
  listClients,
  type NewClient,
  type NewClientDeps,
  replaceClientKeys,
  revokeClient,
  rotateClientSecret,
} from '../callers/clients.ts'
import { disableStaff, enableStaff } from '../callers/disable-staff.ts'
import type { PublicJwkSet } from '../policy/public-jwk.ts'
import type { AccessTokens } from './access-token.ts'
import { issueStaffToken, type StaffTokenRequest } from './staff-token.ts'

export interface CallerCommandDeps extends NewClientDeps {
  accessTokens: AccessTokens
  writeAuditEvent: WriteAuditEvent
  production: boolean
  /** Whether the server asks its callers for certificates; a client that is known by one could otherwise never show it. */
  asksForCertificates: boolean
}

const NO_CERTIFICATES =
  'the server asks for no certificates: name the authority that signs them in STRONGROOM_CLIENT_CA, for the server and for this command.'

/** The operator's commands for the callers of the vault. */
export function createCallerCommands(deps: CallerCommandDeps) {
  return {
    addClient: (operator: AuditCaller, input: NewClient & Expiry) => addClient(deps, operator, input),
    /** @throws {CallerError} also for a certificate where none are asked for */
    addClientWithKey: async (operator: AuditCaller, input: NewClient, key: Parameters<typeof addClientWithKey>[3]) => {
      if ('certificate' in key && !deps.asksForCertificates) throw new CallerError(NO_CERTIFICATES)
      return addClientWithKey(deps, operator, input, key)
    },
    listClients: () => listClients(deps),
    rotateClientSecret: (operator: AuditCaller, id: string, how?: { overlapSeconds?: number } & Expiry) =>
      rotateClientSecret(deps, operator, id, how),
    replaceClientKeys: (operator: AuditCaller, id: string, keys: PublicJwkSet) =>
      replaceClientKeys(deps, operator, id, keys),
    revokeClient: (operator: AuditCaller, id: string) => revokeClient(deps, operator, id),
    issueStaffToken: (operator: AuditCaller, request: StaffTokenRequest) => issueStaffToken(deps, operator, request),
    disableStaff: (operator: AuditCaller, id: string) => disableStaff(deps, operator, id),
    enableStaff: (operator: AuditCaller, id: string) => enableStaff(deps, operator, id),
  }
}
