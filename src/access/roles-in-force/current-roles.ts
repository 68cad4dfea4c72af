import type { Database, Queryable } from '../../database/database.ts'
import type { Macs } from '../../keys/registry/macs.ts'
import type { Alert } from '../../observability/alert.ts'
import { Problem } from '../../values/problem.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { selectLedgerHead } from '../ledger/access-ledger-store.ts'
import { isRecorded, type MacText } from '../ledger/access-macs.ts'
import type { AccessState } from '../ledger/ledger-chain.ts'
import { ROLES_SUBJECT } from '../ledger/ledger-subject.ts'
import { parseRoleFile } from '../policy/role-file.ts'
import { builtInSet, emptySet, type RoleSet } from '../policy/role-set.ts'
import { type StoredRoleSet, selectNewestRoleSet } from './role-set-store.ts'

/** Proves that the vault wrote a set, under a key that the database never has in the clear. */
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
  ledger: Pick<AccessLedger, 'settle'>
  alert: Alert
}

/**
 * The roles in force, in the memory of this process. The caller says which revision the database holds now; if memory
 * has another one, the set is read and verified first, so a change holds on every server from its next request on.
 */
export interface CurrentRoles {
  /** As it was verified last; it grants nothing before it was read for the first time. */
  readonly set: RoleSet
  /** @throws {Problem} sealed, database-unavailable */
  at(revision: number): Promise<RoleSet>
  /** Reads the newest set, even if one is in memory. @throws {Problem} sealed, database-unavailable */
  refresh(db?: Queryable): Promise<RoleSet>
}

/**
 * A row that was put into the database without the key grants nothing: neither its own roles nor, since an older set
 * may grant more than the hidden one, those before it. It is an alert, and ends when an operator applies a set again.
 *
 * A former set, which has its own MAC, is not the one that the ledger of access names.
 */
export function createCurrentRoles({ database, macs, ledger, alert }: CurrentRolesDeps): CurrentRoles {
  let current = emptySet(-1)
  let last: Promise<unknown> = Promise.resolve()
  let alerted: string | undefined

  function distrust(revision: number, reason: string): RoleSet {
    const name = `${revision} ${reason}`
    if (alerted !== name) alert('roles-changed', { revision, reason })
    alerted = name
    return { ...emptySet(revision), distrusted: true }
  }

  async function verified(stored: StoredRoleSet | undefined, state: AccessState): Promise<RoleSet> {
    const revision = stored?.revision ?? 0
    const set = stored === undefined ? builtInSet : await open(stored)
    if (typeof set !== 'string' && !isNewest(stored, state)) return distrust(revision, NOT_NEWEST)
    if (typeof set === 'string') return distrust(revision, set)
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
      // Applied by a version that accepted what this one does not: no request is to blame.
      if (error instanceof Problem) return 'the newest revision does not fit this version'
      throw error
    }
  }

  /** One after the other: an answer that was overtaken would take the place of a newer one. */
  function inTurn(read: () => Promise<void>): Promise<RoleSet> {
    const next = last.then(read).then(() => current)
    last = next.catch(() => {})
    return next
  }

  async function read(db: Queryable): Promise<void> {
    const { answer, state } = await ledger.settle(
      async () => ({ newest: await selectNewestRoleSet(db), ledger: await selectLedgerHead(db) }),
      db,
    )
    current = await verified(answer.newest, state)
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

const NOT_NEWEST = 'the newest revision is not the one that was applied last'

function isNewest(stored: StoredRoleSet | undefined, state: AccessState): boolean {
  if (stored === undefined) return !state.has(ROLES_SUBJECT)
  return isRecorded(ROLES_SUBJECT, roleSetText(stored), state)
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
