import { Problem, type ProblemFacts } from '../values/problem.ts'
import type { ProblemCode } from '../values/problem-codes.ts'

/** A request that is refused for how it uses HTTP, with the headers that say so, such as `Allow`. */
export class RequestProblem extends Problem {
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ProblemCode, headers: Readonly<Record<string, string>>, facts?: ProblemFacts) {
    super(code, facts)
    this.headers = headers
  }
}
