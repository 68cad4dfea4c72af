import type { Queryable } from '../../database/database.ts'
import type { Macs } from '../../keys/registry/macs.ts'
import type { AlertCode } from '../../observability/alert.ts'
import type { MacText } from '../ledger/access-macs.ts'
import { DESTINATIONS_SUBJECT, ROLES_SUBJECT } from '../ledger/ledger-subject.ts'

/** A set that operators apply as a whole, each time as the next revision. */
export interface AppliedSet {
  /** In the names of its table and of its statements. */
  noun: 'role' | 'destination'
  /** The column with the file, in its canonical form. */
  column: 'roles' | 'destinations'
  /** What the ledger of access calls it, and audit events before their revision. */
  subject: string
  domain: string
  event: 'roles.apply' | 'destinations.apply'
  alert: Extract<AlertCode, 'roles-changed' | 'destinations-changed'>
  /** Any number that nothing else in this database locks: makes changes follow one another. */
  lock: number
}

export const roleSets: AppliedSet = {
  noun: 'role',
  column: 'roles',
  subject: ROLES_SUBJECT,
  domain: 'strongroom roles',
  event: 'roles.apply',
  alert: 'roles-changed',
  lock: 0x7374_7206,
}

export const destinationSets: AppliedSet = {
  noun: 'destination',
  column: 'destinations',
  subject: DESTINATIONS_SUBJECT,
  domain: 'strongroom destinations',
  event: 'destinations.apply',
  alert: 'destinations-changed',
  lock: 0x7374_7214,
}

/** Every set. Each has its own table, and grants nothing that its MAC and the ledger do not say. */
export const appliedSets: readonly AppliedSet[] = [roleSets, destinationSets]

/** A revision of a set as it is stored; rows are added, and only the MAC of the newest one changes. */
export interface StoredSet {
  revision: number
  /** The file in its canonical form. */
  text: string
  mac: Buffer
}

/** What the MAC of a revision is over. */
export function setText({ domain }: AppliedSet, { revision, text }: Omit<StoredSet, 'mac'>): MacText {
  return { domain, text: `${revision}\n${text}` }
}

/** Proves that the vault wrote a set, under a key that the database never has in the clear. */
export interface SetMacs {
  /** See `Macs.hold`. @throws {Problem} sealed, database-unavailable */
  hold(tx: Queryable): Promise<void>
  /** @throws {Problem} sealed */
  of(set: Omit<StoredSet, 'mac'>): Buffer
  /** @throws {Problem} as `Macs.verify` */
  isOurs(set: StoredSet): Promise<boolean>
}

export function createSetMacs(macs: Macs, applied: AppliedSet): SetMacs {
  return {
    hold: (tx) => macs.hold(tx, 'access-mac'),
    of(set) {
      const { domain, text } = setText(applied, set)
      return macs.make('access-mac', domain, text)
    },
    isOurs(set) {
      const { domain, text } = setText(applied, set)
      return macs.verify('access-mac', domain, text, set.mac)
    },
  }
}
