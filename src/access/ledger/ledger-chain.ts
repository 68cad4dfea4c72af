import canonicalize from 'canonicalize'
import type { Remaking } from '../../keys/registry/remake-macs.ts'
import { VaultError } from '../../values/vault-error.ts'
import type { LedgerEntry } from './access-ledger-store.ts'

/** What every subject is, by its name; a subject that is missing is not in force. */
export type AccessState = ReadonlyMap<string, string>

/** A ledger up to one of its entries. */
export interface LedgerView {
  generation: number
  /** The MAC of the newest entry; null for an empty ledger. */
  head: Buffer | null
  state: AccessState
}

export const EMPTY_LEDGER: LedgerView = { generation: 0, head: null, state: new Map() }

/** One change that is to become an entry. */
export interface AccessChange {
  subject: string
  /** Null when nothing of the subject is in force from now on. */
  state: string | null
}

export const LEDGER_DOMAIN = 'strongroom access ledger'

/** Entries do not follow from one another under their MACs. The message names the first that does not. */
export class BrokenChain extends VaultError {
  override readonly name = 'BrokenChain'
}

/** What the MAC of an entry is over: with the MAC before it, so that none can be left out, added or moved. */
function entryText({ generation, subject, state }: Omit<LedgerEntry, 'mac'>, previous: Buffer | null): string {
  return canonicalize({ generation, subject, state, previous: previous?.toString('hex') ?? '' }) ?? ''
}

/**
 * Follows entries from a view on.
 *
 * @param isOurs whether the vault made a MAC over that text
 * @throws {BrokenChain}
 */
export async function followChain(
  from: LedgerView,
  entries: readonly LedgerEntry[],
  isOurs: (text: string, mac: Buffer) => boolean | Promise<boolean>,
): Promise<LedgerView> {
  const state = new Map(from.state)
  let { generation, head } = from
  for (const entry of entries) {
    const follows = entry.generation > generation && (await isOurs(entryText(entry, head), entry.mac))
    if (!follows) throw new BrokenChain(`entry ${entry.generation} does not follow from the one before`)
    if (entry.state === null) state.delete(entry.subject)
    else state.set(entry.subject, entry.state)
    generation = entry.generation
    head = entry.mac
  }
  return { generation, head, state }
}

/** The entries of changes after that view; changes without an effect have none. */
export function extendChain(
  { generation, head, state }: LedgerView,
  changes: readonly AccessChange[],
  make: (text: string) => Buffer,
): LedgerEntry[] {
  const known = new Map(state)
  const entries: LedgerEntry[] = []
  let previous = head
  for (const change of changes) {
    if ((known.get(change.subject) ?? null) === change.state) continue
    const entry = { ...change, generation: generation + entries.length + 1 }
    previous = make(entryText(entry, previous))
    entries.push({ ...entry, mac: previous })
    if (change.state === null) known.delete(change.subject)
    else known.set(change.subject, change.state)
  }
  return entries
}

/**
 * The ledger under another key: what each subject is, and the newest entry, so that servers see that it has not fallen
 * back.
 *
 * @returns undefined if the entries are not the vault's, which another key does not repair
 */
export async function remakeChain(
  entries: readonly LedgerEntry[],
  { isOurs, make }: Remaking,
): Promise<LedgerEntry[] | undefined> {
  try {
    await followChain(EMPTY_LEDGER, entries, (text, mac) => isOurs(LEDGER_DOMAIN, text, mac))
  } catch (error) {
    if (error instanceof BrokenChain) return undefined
    throw error
  }
  const last = new Map(entries.map((entry) => [entry.subject, entry]))
  const kept = entries.filter((entry) => last.get(entry.subject) === entry && entry.state !== null)
  const newest = entries.at(-1)
  if (newest !== undefined && kept.at(-1) !== newest) kept.push(newest)
  let previous: Buffer | null = null
  return kept.map((entry) => {
    previous = make(LEDGER_DOMAIN, entryText(entry, previous))
    return { ...entry, mac: previous }
  })
}
