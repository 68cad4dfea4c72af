import { reasonTables } from '../access/approvals/sealed-reasons.ts'
import { sessionTables } from '../checkout/sealed-sessions.ts'
import { secretTables } from '../destinations/set/sealed-secrets.ts'
import { forwardTables } from '../forward/sealed-forwards.ts'
import type { ReferencingTables } from '../keys/sealing/referencing-tables.ts'
import { erasedCustomerTables } from '../privacy/erasure/erased-customer.ts'
import { requestTables } from '../privacy/requests/sealed-requests.ts'
import { answerTables } from '../records/idempotency/kept-answers.ts'
import { recordTables } from '../records/record/record-tables.ts'

const declared: readonly ReferencingTables[] = [
  recordTables,
  answerTables,
  erasedCustomerTables,
  reasonTables,
  sessionTables,
  requestTables,
  secretTables,
  forwardTables,
]

/** What every noun stores under the vault's keys. */
export const referencingTables: ReferencingTables = {
  sealed: declared.flatMap(({ sealed }) => sealed),
  hashed: declared.flatMap(({ hashed }) => hashed),
}
