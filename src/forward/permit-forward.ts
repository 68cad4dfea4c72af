import { findContract } from '../access/callers/find-contract.ts'
import type { Caller } from '../access/policy/caller.ts'
import { decideForward } from '../access/policy/forward-grant.ts'
import type { Decision } from '../access/policy/grant.ts'
import type { Purpose } from '../access/policy/purpose.ts'
import type { Budget } from '../access/policy/roles.ts'
import { contractFieldsOf, type Destination } from '../destinations/destination.ts'
import { Problem } from '../values/problem.ts'
import type { ForwardDeps } from './dependencies.ts'

/** A destination that the caller may send to, for this purpose. */
export interface Permitted {
  destination: Destination
  /** Of the grants that decide. */
  budget: Budget | undefined
}

/**
 * Decides what does not depend on a record: the role, the destination, and the contract with its partner.
 *
 * @throws {Problem} scope-missing, purpose-not-permitted, fields-not-permitted, condition-not-met, unauthenticated,
 *   destination-not-found, contract-ended
 * @throws {CallerChanged}
 */
export async function permitForward(
  deps: Pick<ForwardDeps, 'database' | 'destinations' | 'ledger' | 'macs' | 'now'>,
  caller: Caller,
  { destination: name, purpose }: { destination: string; purpose: Purpose },
): Promise<Permitted> {
  const circumstances = { now: deps.now() }
  // Who may forward nothing for this purpose does not learn which destinations there are.
  requireGranted(decideForward(caller, { purpose, taken: [] }, circumstances))
  const destination = await deps.destinations.find(name)
  if (destination === undefined) throw new Problem('destination-not-found')
  if (!destination.purposes.includes(purpose)) throw new Problem('purpose-not-permitted')
  const contract = await findContract(deps, caller, destination.partner)
  const question = { purpose, taken: contractFieldsOf(destination), contract }
  const { budget } = requireGranted(decideForward(caller, question, circumstances))
  return { destination, budget }
}

function requireGranted(decision: Decision) {
  if (!decision.granted) throw decision.problem
  return decision
}
