import { destinationSets } from '../../access/applied-sets/applied-set.ts'
import { type CurrentSet, type CurrentSetDeps, createCurrentSet } from '../../access/applied-sets/current-set.ts'
import { parseDestinationsFile } from '../destination-file.ts'
import { type DestinationSet, emptySet, setOf } from '../destination-set.ts'

/** The destinations in force, in the memory of this process. */
export type CurrentDestinations = CurrentSet<DestinationSet>

export function createCurrentDestinations(deps: CurrentSetDeps): CurrentDestinations {
  return createCurrentSet(deps, destinationSets, {
    initial: emptySet(0),
    empty: emptySet,
    parse: (file, revision) => setOf(parseDestinationsFile(file), revision),
  })
}
