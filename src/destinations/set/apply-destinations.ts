import { destinationSets } from '../../access/applied-sets/applied-set.ts'
import { type Applied, type ApplySetDeps, applySet } from '../../access/applied-sets/apply-set.ts'
import { CallerError } from '../../access/ledger/caller-error.ts'
import type { AuditCaller } from '../../audit/event/audit-event.ts'
import type { InputError } from '../../values/problem.ts'
import type { DestinationsFile } from '../destination-file.ts'
import { type DestinationSet, encodeDestinationsFile, toDestinationsFile } from '../destination-set.ts'
import { type CheckDestinationsDeps, checkDestinations } from './check-destinations.ts'

export type ApplyDestinationsDeps = ApplySetDeps<DestinationSet> & { check: CheckDestinationsDeps }

/** A file does not fit the contracts and secrets that there are. */
export class UnfitDestinations extends CallerError {
  readonly faults: readonly InputError[]

  constructor(faults: readonly InputError[]) {
    super(`nothing was applied.\n${faults.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('\n')}`)
    this.faults = faults
  }
}

/**
 * Puts a set of destinations in the place of the one in force.
 *
 * @throws {UnfitDestinations} for a contract or a secret that is not there, or does not cover what a destination takes
 */
export function applyDestinations(
  { check, ...deps }: ApplyDestinationsDeps,
  operator: AuditCaller,
  file: DestinationsFile,
): Promise<Applied> {
  const set = { text: encodeDestinationsFile(file), count: Object.keys(file.destinations).length }
  const textOf = (inForce: DestinationSet) => encodeDestinationsFile(toDestinationsFile(inForce))
  return applySet(deps, destinationSets, operator, set, textOf, async (tx) => {
    const { faults } = await checkDestinations(check, file, tx)
    if (faults.length > 0) throw new UnfitDestinations(faults)
  })
}
