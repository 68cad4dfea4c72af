import { callerProblems } from './problems/caller-problems.ts'
import { forwardProblems } from './problems/forward-problems.ts'
import { framingProblems } from './problems/framing-problems.ts'
import { inputProblems } from './problems/input-problems.ts'
import type { ProblemEntry } from './problems/problem-entry.ts'
import { recordProblems } from './problems/record-problems.ts'
import { vaultProblems } from './problems/vault-problems.ts'

const registry = {
  ...framingProblems,
  ...callerProblems,
  ...inputProblems,
  ...recordProblems,
  ...forwardProblems,
  ...vaultProblems,
}

export type ProblemCode = keyof typeof registry

export type KindOf<Code extends ProblemCode> = (typeof registry)[Code]['kind']

/**
 * The one registry of problem codes. Codes are never renamed or reused. The domain knows no HTTP, so the status of each
 * code is in `http/documents/problem-statuses.ts`.
 */
export const PROBLEMS: Readonly<Record<ProblemCode, ProblemEntry>> = registry

export const PROBLEM_CODES = Object.keys(registry) as ProblemCode[]

export function titleOf(code: ProblemCode): string {
  return PROBLEMS[code].title
}
