import { CallerChanged } from '../values/caller-changed.ts'
import { Problem, toProblem } from '../values/problem.ts'
import type { Answer, Route } from './route.ts'

/** Access changes rarely: a call that finds it changed each time it is done is refused. */
const ATTEMPTS = 5

export interface AnswerCallerDeps<C> {
  /**
   * Whether they may still come in; from then on the caller is the one in the answer.
   *
   * @param presumes from where that may be presumed, if the work of the call proves it
   * @throws {Problem}
   */
  checkCallerStatus: (caller: C, presumes?: 'memory' | 'database') => Promise<C>
  /** Proves what is still presumed. @throws {CallerChanged} @throws {Problem} */
  proveCaller: (caller: C) => Promise<void>
}

/**
 * Answers a caller. A route whose work proves its caller is begun with what is remembered of the caller's status. It is done again
 * if that is no longer so, and neither an answer nor a refusal leaves unproven.
 *
 * @param trace names the caller for the event of a refusal
 */
export async function answerCaller<C>(
  { checkCallerStatus, proveCaller }: AnswerCallerDeps<C>,
  trace: { caller?: C | undefined },
  { provesCaller }: Route<C>,
  answerTo: (caller: C) => Promise<Answer>,
): Promise<Answer> {
  const identified = trace.caller as C
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const source = attempt === 0 ? 'memory' : 'database'
      const caller = await checkCallerStatus(identified, provesCaller ? source : undefined)
      trace.caller = caller
      const answer = await answerTo(caller).catch(async (error: unknown) => {
        if (error instanceof CallerChanged) throw error
        const proving = proveCaller(caller)
        // What failed may have been committed, so it is not done again, and its answer stays.
        await (toProblem(error).kind === 'refused' ? proving : proving.catch(() => {}))
        throw error
      })
      await proveCaller(caller)
      return answer
    } catch (error) {
      // A proof that does not count identifies no caller.
      if (error instanceof Problem && error.challenge?.error === 'invalid_dpop_proof') trace.caller = undefined
      if (!(error instanceof CallerChanged)) throw error
    }
  }
  throw new Problem('busy')
}
