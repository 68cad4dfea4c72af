import type { Caller } from '../access/policy/caller.ts'
import type { Database, Transaction } from '../database/database.ts'
import type { Token } from '../records/record/token.ts'
import { Problem } from '../values/problem.ts'
import type { Sensitive } from '../values/sensitive.ts'
import { insertCode, selectCode, takeCode } from './code-store.ts'
import { openCode, type SealedCodeDeps } from './sealed-code.ts'
import { isCodeId, type StoredCode } from './security-code.ts'

/** A code that was opened. Holds plaintext. */
export interface OpenedCode {
  id: string
  code: Sensitive<string>
  /** For `take` and `putBack`. */
  row: StoredCode
}

/** Security codes between their entry and their use. */
export interface SecurityCodes {
  /**
   * Opens a code for a card. It stays until it is taken.
   *
   * @throws {Problem} security-code-not-found: unknown, of another card or site, used, expired, or no living process
   *   has its key
   */
  open(caller: Pick<Caller, 'site'>, id: string, card: Token): Promise<OpenedCode>
  /** Takes the code away, in the transaction of what uses it. False when it was used meanwhile. */
  take(tx: Transaction, opened: OpenedCode): Promise<boolean>
  /** Puts back a code that was taken for a request that has not left. It may be gone all the same. */
  putBack(opened: OpenedCode): Promise<void>
}

export interface SecurityCodesDeps extends SealedCodeDeps {
  database: Database
  now: () => Date
}

export function createSecurityCodes(deps: SecurityCodesDeps): SecurityCodes {
  const { database, now } = deps
  /** Until when: a row that was put back after its use opens nothing here. */
  const used = new Map<string, Date>()

  function hasUsed(id: string): boolean {
    for (const [other, until] of used) if (until <= now()) used.delete(other)
    return used.has(id)
  }

  return {
    async open({ site }, id, card) {
      const row = isCodeId(id) ? await selectCode(database, id, now()) : undefined
      if (row === undefined || hasUsed(id)) throw new Problem('security-code-not-found')
      const code = await openCode(deps, { id, site, card, expiresAt: row.expiresAt }, row)
      if (code === undefined) throw new Problem('security-code-not-found')
      return { id, code, row }
    },
    async take(tx, { row: { id, expiresAt } }) {
      const isTaken = await takeCode(tx, id)
      if (isTaken) tx.whenOver((outcome) => void (outcome === 'rolled-back' || used.set(id, expiresAt)))
      return isTaken
    },
    async putBack({ row }) {
      used.delete(row.id)
      if (row.expiresAt > now()) await insertCode(database, row, []).catch(() => {})
    },
  }
}
