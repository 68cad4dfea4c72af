import { timingSafeEqual } from 'node:crypto'
import type { Alert } from '../alert.ts'
import type { Database, Queryable } from '../database/database.ts'
import { Problem } from '../problem.ts'
import { parseRoleFile } from './role-file.ts'
import { builtInSet, emptySet, type RoleSet } from './role-set.ts'
import { type StoredRoleSet, selectNewestRoleSet } from './role-set-store.ts'

/** The MAC over a set, under a key that never stands in the database in the clear. @throws {Problem} sealed */
export type RoleSetMac = (revision: number, roles: string) => Buffer

export interface CurrentRolesDeps {
  database: Database
  macOf: RoleSetMac
  alert: Alert
}

/**
 * The roles in force, in the memory of this process. Whoever asks says which revision the database holds now; another one
 * than that in memory is read and verified first, so a change holds on every server from its next request on.
 */
export interface CurrentRoles {
  /** As it was verified last; it grants nothing before it was read for the first time. */
  readonly set: RoleSet
  /** @throws {Problem} sealed, database-unavailable */
  at(revision: number): Promise<RoleSet>
  /** Reads the newest set, whatever is in memory. @throws {Problem} sealed, database-unavailable */
  refresh(db?: Queryable): Promise<RoleSet>
}

/**
 * A row that somebody put into the database without the key grants nothing: neither its own roles nor, since an older set
 * may say more than the one that it hides, those before it. It is an alert, and ends when an operator applies a set again.
 *
 * A running server also refuses a set that is older than one it has seen. What it cannot tell after a restart is that the
 * newest rows are gone; the log still has the events of their application.
 */
export function createCurrentRoles({ database, macOf, alert }: CurrentRolesDeps): CurrentRoles {
  let current = emptySet(-1)
  let highest = 0
  let last: Promise<unknown> = Promise.resolve()
  let alerted: string | undefined

  function distrust(revision: number, reason: string): RoleSet {
    const name = `${revision} ${reason}`
    if (alerted !== name) alert('roles-changed', { revision, reason })
    alerted = name
    return { ...emptySet(revision), distrusted: true }
  }

  function verified(stored: StoredRoleSet | undefined): RoleSet {
    const revision = stored?.revision ?? 0
    if (revision < highest) return distrust(revision, `revision ${highest} is gone`)
    const set = stored === undefined ? builtInSet : open(stored)
    if (typeof set === 'string') return distrust(revision, set)
    highest = revision
    alerted = undefined
    return set
  }

  /** The set, or why it cannot be used. */
  function open({ revision, roles, mac }: StoredRoleSet): RoleSet | string {
    const expected = macOf(revision, roles)
    if (mac.length !== expected.length || !timingSafeEqual(mac, expected))
      return 'the MAC of the newest revision is wrong'
    try {
      return { revision, roles: new Map(Object.entries(parseRoleFile(JSON.parse(roles)).roles)) }
    } catch (error) {
      // Applied by a version that took what this one does not: nobody's request is to blame.
      if (error instanceof Problem) return 'the newest revision does not fit this version'
      throw error
    }
  }

  /** One after the other: an answer that was overtaken would look like a step back. */
  function inTurn(read: () => Promise<void>): Promise<RoleSet> {
    const next = last.then(read).then(() => current)
    last = next.catch(() => {})
    return next
  }

  async function read(db: Queryable): Promise<void> {
    current = verified(await selectNewestRoleSet(db))
  }

  return {
    get set() {
      return current
    },
    async at(revision) {
      if (revision === current.revision) return current
      return inTurn(async () => {
        if (revision !== current.revision) await read(database)
      })
    },
    refresh: (db = database) => inTurn(() => read(db)),
  }
}

/** The MAC of sets of roles, over what `authenticate` makes of a domain and a text. */
export function createRoleSetMac(authenticate: (domain: string, text: string) => Buffer): RoleSetMac {
  return (revision, roles) => authenticate('strongroom roles', `${revision}\n${roles}`)
}
