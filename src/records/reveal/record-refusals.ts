import type { RecordDeps } from '../dependencies.ts'
import { knownFields } from '../record/asked.ts'
import { parseToken } from '../record/token.ts'
import type { ReleaseAbout } from './open-planned.ts'
import type { RevealItem } from './plan-reveal.ts'
import type { RevealResult } from './reveal-result.ts'

/** Every refused item has an event of its own; a text that is not a token is a caller's input, and is not kept. */
export async function recordRefusals(
  deps: Pick<RecordDeps, 'newAuditEvent' | 'writeAuditEvent'>,
  about: ReleaseAbout,
  items: readonly RevealItem[],
  results: readonly RevealResult[],
): Promise<void> {
  const events = results.flatMap((result, at) => {
    if (!('problem' in result)) return []
    const { token, problem } = result
    const refusal = deps.newAuditEvent({
      ...about,
      type: 'request.refuse',
      outcome: problem.kind === 'refused' ? 'refused' : 'failed',
      token: problem.code === 'record-not-found' ? undefined : parseToken(token),
      fields: knownFields(items[at]?.fields),
      code: problem.code,
    })
    return [refusal]
  })
  await Promise.all(events.map(deps.writeAuditEvent))
}
