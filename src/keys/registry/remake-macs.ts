import type { Queryable } from '../../database/database.ts'
import type { MacKey } from '../key/handover.ts'
import { isMacOf, makeMac } from './macs.ts'

/** What makes the MACs of rows again when the key of these MACs is replaced. */
export interface Remaking {
  /** Whether the vault wrote it, under the key that is replaced. What it did not write stays as it is. */
  isOurs(domain: string, text: string, mac: Uint8Array | null): boolean
  /** Under the key that takes its place. */
  make(domain: string, text: string): Buffer
}

/** Makes the MACs of all rows under the `access-mac` key again. Runs in the transaction that replaces the key. */
export type RemakeMacs = (tx: Queryable, remaking: Remaking) => Promise<void>

export function remakingWith({ former, present }: { former: MacKey; present: MacKey }): Remaking {
  return {
    isOurs: (domain, text, mac) => isMacOf(former, domain, text, mac),
    make: (domain, text) => makeMac(present, domain, text),
  }
}
