import type { Alert } from '../alert.ts'
import type { Database, Queryable } from '../database/database.ts'
import type { Macs } from '../keys/macs.ts'
import { Problem } from '../problem.ts'
import type { MacText } from './access-macs.ts'
import { parseRoleFile } from './role-file.ts'
import { builtInSet, emptySet, type RoleSet } from './role-set.ts'
import { type StoredRoleSet, selectNewestRoleSet } from './role-set-store.ts'

/** What says that the vault wrote a set, under a key that never stands in the database in the clear. */
export interface RoleSetMacs {
  /** See `Macs.hold`. @throws {Problem} sealed, database-unavailable */
  hold(tx: Queryable): Promise<void>
  /** @throws {Problem} sealed */
  of(set: Omit<StoredRoleSet, 'mac'>): Buffer
  /** @throws {Problem} as `Macs.verify` */
  isOurs(set: StoredRoleSet): Promise<boolean>
}

export interface CurrentRolesDeps {
  database: Database
  macs: Pick<RoleSetMacs, 'isOurs'>
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
export function createCurrentRoles({ database, macs, alert }: CurrentRolesDeps): CurrentRoles {
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

  async function verified(stored: StoredRoleSet | undefined): Promise<RoleSet> {
    const revision = stored?.revision ?? 0
    if (revision < highest) return distrust(revision, `revision ${highest} is gone`)
    const set = stored === undefined ? builtInSet : await open(stored)
    if (typeof set === 'string') return distrust(revision, set)
    highest = revision
    alerted = undefined
    return set
  }

  /** The set, or why it cannot be used. */
  async function open(stored: StoredRoleSet): Promise<RoleSet | string> {
    if (!(await macs.isOurs(stored))) return 'the MAC of the newest revision is wrong'
    const { revision, roles } = stored
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
    current = await verified(await selectNewestRoleSet(db))
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

export function createRoleSetMacs(macs: Macs): RoleSetMacs {
  return {
    hold: (tx) => macs.hold(tx, 'access-mac'),
    of(set) {
      const { domain, text } = roleSetText(set)
      return macs.make('access-mac', domain, text)
    },
    isOurs(set) {
      const { domain, text } = roleSetText(set)
      return macs.verify('access-mac', domain, text, set.mac)
    },
  }
}

export function roleSetText({ revision, roles }: Omit<StoredRoleSet, 'mac'>): MacText {
  return { domain: 'strongroom roles', text: `${revision}\n${roles}` }
}
