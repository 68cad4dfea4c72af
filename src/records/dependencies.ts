import type { UsedApprovals } from '../access/approvals/used-approvals.ts'
import type { Budgets } from '../access/limits/budget.ts'
import type { CardSearchLimit } from '../access/limits/card-search-limit.ts'
import type { GuessLimit } from '../access/limits/guess-limit.ts'
import type { ProbeLimit } from '../access/limits/probe-limit.ts'
import type { ProveCaller } from '../access/policy/caller.ts'
import type { NewAuditEvent } from '../audit/event/audit-event.ts'
import type { WriteAuditEvent } from '../audit/event/write-audit-event.ts'
import type { Database } from '../database/database.ts'
import type { RequestCredentials } from '../http/route.ts'
import type { Keys } from '../keys/ring/keys.ts'
import type { Kinds } from '../kinds/kinds.ts'
import type { Alert } from '../observability/alert.ts'
import type { CurrentPolicies } from '../policies/current-policies.ts'
import type { NewId } from '../values/identifier.ts'
import type { RandomBytes } from '../values/random.ts'
import type { AfterCorrection } from './change/after-correction.ts'
import type { ErasureLedger } from './change/erasure-ledger.ts'
import type { LookUpRecords, RecordBatches } from './record-batches.ts'
import type { FindByTerm } from './search/find-by-term.ts'
import type { Why } from './why/why.ts'

/** What the use cases of records need. Each names only the part that it uses. */
export interface RecordDeps {
  /** What a correction does beside the record. */
  afterCorrection: AfterCorrection
  database: Database
  batches: RecordBatches
  lookUp: LookUpRecords
  findByTerm: FindByTerm
  guesses: GuessLimit
  probes: ProbeLimit
  cardSearches: CardSearchLimit
  /** Whether cards are found by their numbers. Otherwise no term of a card number is made. */
  findsCards: boolean
  budgets: Budgets
  /** What is written ahead of an erasure, and what postpones one. */
  erasures: ErasureLedger
  policies: CurrentPolicies
  proveCaller: ProveCaller
  /** How many requests for approval, and how many releases that wait for a review, one caller may have. */
  openApprovals: number
  /** What this process has released under approvals. */
  usedApprovals: UsedApprovals
  keys: Keys
  kinds: Kinds
  /** The vault's own URL. */
  issuer: string
  newAuditEvent: NewAuditEvent
  newId: NewId
  alert: Alert
  now: () => Date
  randomBytes: RandomBytes
  writeAuditEvent: WriteAuditEvent
  why: Why
}

/** What a use case knows of the request that it serves. */
export interface RequestFacts {
  requestId: string
  /** The source of the request, for its events. */
  source: RequestCredentials['source']
}
