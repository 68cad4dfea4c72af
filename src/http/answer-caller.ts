import { CallerChanged } from '../values/caller-changed.ts'
import { Problem, toProblem } from '../values/problem.ts'
import type { Answer, Route } from './route.ts'

/** How many times a call is done. Access changes rarely, so a call that finds it changed each time is refused. */
const ATTEMPTS = 5

export interface AnswerCallerDeps<C> {
  /**
   * Checks that the caller may still come in. The answer is the caller from then on.
   *
   * @param presumes where a presumed status comes from, if the work of the call proves it
   * @throws {Problem}
   */
  checkCallerStatus: (caller: C, presumes?: 'memory' | 'database') => Promise<C>
  /** Proves what is still presumed. @throws {CallerChanged} @throws {Problem} */
  proveCaller: (caller: C) => Promise<void>
}

/**
 * Answers a caller. A route whose work proves its caller begins with the status that is remembered. If the status has
 * changed, the call is done again. No answer and no refusal leaves before the caller is proven.
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
        // The work that failed may have been committed, so it is not done again, and its answer stays.
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
