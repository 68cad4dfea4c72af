import type { FindContractDeps } from '../access/callers/find-contract.ts'
import type { Destination } from '../destinations/destination.ts'
import type { BuiltRequest, Filling } from '../destinations/request/build-request.ts'
import type { RecordDeps } from '../records/dependencies.ts'
import type { SecurityCodes } from '../security-codes/security-codes.ts'
import type { Outbound } from './outbound/outbound.ts'

/** The set of destinations in force. */
export interface DestinationsInForce {
  find(name: string): Promise<Destination | undefined>
  /** @throws {Problem} invalid-input @throws {UnusableSecret} */
  build(destination: Destination, filling: Filling): Promise<BuiltRequest>
}

/** What forwards are made of. Each use case names only the part that it uses. */
export interface ForwardDeps
  extends Pick<
      RecordDeps,
      | 'alert'
      | 'batches'
      | 'budgets'
      | 'database'
      | 'erasures'
      | 'issuer'
      | 'keys'
      | 'lookUp'
      | 'newAuditEvent'
      | 'newId'
      | 'now'
      | 'policies'
      | 'probes'
    >,
    FindContractDeps {
  destinations: DestinationsInForce
  outbound: Outbound
  securityCodes: SecurityCodes
  /** Throws when nothing may be released now. */
  requireRelease: () => void
}
