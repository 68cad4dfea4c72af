import type { Details } from '../../kinds/kind.ts'
import type { Problem } from '../../values/problem.ts'
import type { Sensitive } from '../../values/sensitive.ts'

/** One released record. `event` is the id of the audit event that committed before this left. */
interface Revealed {
  token: string
  kind: string
  data: Sensitive<Details>
  event: string
}

export type RevealResult = Revealed | { token: string; problem: Problem }

/** Whether there is no such record, as far as the caller can see. */
export function isUnknown(result: RevealResult): boolean {
  return 'problem' in result && result.problem.code === 'record-not-found'
}
