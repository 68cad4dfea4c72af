import { forwardProblems } from './forward-problems.ts'
import { policyProblems } from './policy-problems.ts'
import { sessionProblems } from './session-problems.ts'
import type { TestVault } from './test-vault.ts'

/** One request for each code that only the calls of one noun meet. */
export function problemsOfNouns(vault: () => TestVault) {
  return { ...sessionProblems(vault), ...forwardProblems(vault), ...policyProblems(vault) }
}
