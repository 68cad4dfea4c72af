import canonicalize from 'canonicalize'
import type { Destination } from './destination.ts'
import type { DestinationsFile } from './destination-file.ts'
import type { Receivers } from './receiver.ts'

/** The destinations in force. Revision 0 is none; every set that an operator applies has the next number. */
export interface DestinationSet {
  readonly revision: number
  readonly destinations: ReadonlyMap<string, Destination>
  /** Undefined where the file names none. */
  readonly receivers?: Receivers | undefined
  /** The set in the database is not the vault's; nothing is sent by it until an operator applies another. */
  readonly distrusted?: true
}

export function emptySet(revision: number): DestinationSet {
  return { revision, destinations: new Map() }
}

export function setOf({ destinations, receivers }: DestinationsFile, revision: number): DestinationSet {
  const named = Object.entries(destinations).map(([name, destination]) => [name, { ...destination, name }] as const)
  return { revision, destinations: new Map(named), receivers }
}

/** The destinations as a file that `parseDestinationsFile` takes. */
export function toDestinationsFile({ destinations, receivers }: DestinationSet): DestinationsFile {
  const unnamed = [...destinations].map(([name, { name: _name, ...destination }]) => [name, destination])
  return { format: 1, destinations: Object.fromEntries(unnamed), ...(receivers && { receivers }) }
}

/** The one spelling of a file, RFC 8785: what is stored, authenticated and compared. */
export function encodeDestinationsFile(file: DestinationsFile): string {
  const text = canonicalize(file)
  if (text === undefined) throw new Error('a file of destinations must have a canonical form')
  return text
}
