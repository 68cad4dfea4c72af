import { reasonContext } from '../../access/approvals/sealed-reasons.ts'
import type { RecordDeps } from '../dependencies.ts'
import type { SealedReason } from './record.ts'

/** The text of a reason may name a shopper, so it is sealed and kept beside the event or approval, not in it. */
export function sealReason(deps: Pick<RecordDeps, 'keys'>, event: string, reason: string): SealedReason {
  const sealed = deps.keys.seal('display', reasonContext(event), Buffer.from(reason, 'utf8'), 128)
  return { event, ...sealed }
}
