import { createPublicKey } from 'node:crypto'
import type { AccessLedger } from '../../access/ledger/access-ledger.ts'
import { isRestricted } from '../../access/ledger/held-state.ts'
import { holdSubject, REFUSED, restrictedSubject } from '../../access/ledger/ledger-subject.ts'
import type { Database } from '../../database/database.ts'
import type { Key } from '../../keys/key/key.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import type { Alert } from '../../observability/alert.ts'
import type { ErasureLedger } from '../../records/change/erasure-ledger.ts'
import { Problem } from '../../values/problem.ts'
import { customerOfErased } from './erased-customer.ts'
import { type DoneErasure, finishErasures } from './erased-customer-store.ts'
import { findErasures, insertErasures, markShipped, type StoredErasure } from './erasure-store.ts'
import { hashOfToken, isSignedBy, type LedgerLine, parseLine, signLine } from './ledger-line.ts'
import type { ShipLedger } from './ship-ledger.ts'

/** Whose line it is. `unknown-key`: it names this vault, and a key that the database does not have. */
type LineOrigin = 'ours' | 'unknown-key' | 'foreign'

/** The ledger, with what other parts of the vault read it by. */
export interface VaultLedger extends ErasureLedger {
  /** @throws {Problem} sealed */
  originOf(line: LedgerLine): LineOrigin
  /** The entry of a row that the vault wrote for that record; undefined for another row. @throws {Problem} sealed */
  entryOf(row: Pick<StoredErasure, 'line' | 'token' | 'token_hash'>): LedgerLine | undefined
}

export interface ErasureLedgerDeps {
  database: Database
  keys: Pick<Keys, 'active' | 'open' | 'ring' | 'verified'>
  shipper: Pick<ShipLedger, 'file'>
  now: () => Date
  alert: Alert
  access: AccessLedger
}

/** The lines are signed by the key that signs the vault's other statements about what is gone. */
const PURPOSE = 'certificate-signing'

export function createErasureLedger({ access, alert, database, keys, shipper, now }: ErasureLedgerDeps): VaultLedger {
  const hashesOf = (tokens: readonly string[]) => tokens.map(hashOfToken)

  function originOf(line: LedgerLine): LineOrigin {
    if (line.vault !== keys.verified.vault) return 'foreign'
    const key = keys.ring.find(line.keyId)
    if (key === undefined) return 'unknown-key'
    return key.purpose === PURPOSE && isSignedBy(line, createPublicKey(key.secret)) ? 'ours' : 'foreign'
  }

  function entryOf({ line, token, token_hash }: Parameters<VaultLedger['entryOf']>[0]): LedgerLine | undefined {
    const entry = parseLine(line)
    if (entry === undefined || !entry.tokenHash.equals(token_hash)) return undefined
    return hashOfToken(token).equals(token_hash) && originOf(entry) === 'ours' ? entry : undefined
  }

  /** An erasure does not wait until the operator has replaced a key that has expired, which is an alert. */
  function keyOfLines(count: number): Key {
    try {
      return keys.active(PURPOSE, count)
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'key-expired') throw error
      return keys.ring.active(PURPOSE)
    }
  }

  return {
    isHeld: async (tx, token) => (await access.stateIn(tx)).has(holdSubject(token)),
    async restrict(tokens) {
      const state = await access.stateIn(database)
      const news = tokens.map(restrictedSubject).filter((subject) => !state.has(subject))
      if (news.length === 0) return
      const changes = news.map((subject) => ({ subject, state: REFUSED }))
      await database.transaction(async (tx) => {
        await access.hold(tx)
        await access.record(tx, (state) => changes.filter(({ subject }) => !state.has(subject)))
      })
    },
    requireUnrestricted(token, purpose) {
      if (isRestricted(access.seen, token, purpose ?? '')) throw new Problem('erasure-postponed')
    },
    isRestricted: (token, purpose) => isRestricted(access.seen, token, purpose ?? ''),
    async write(tx, records, { reason, at }) {
      if (records.length === 0) return new Set()
      const key = keyOfLines(records.length)
      const { vault } = keys.verified
      const erasures = records.map((place) => {
        const tokenHash = hashOfToken(place.token)
        return { ...place, orderedAt: at, tokenHash, line: signLine({ tokenHash, at, reason }, vault, key) }
      })
      const written = await insertErasures(tx, erasures)
      // A row that the vault has not written must not take the place of a line that goes outside.
      const there = await findErasures(
        tx,
        hashesOf(records.map(({ token }) => token).filter((one) => !written.has(one))),
      )
      const forged = new Set(
        there.filter((row) => entryOf(row) === undefined).map((row) => row.token_hash.toString('hex')),
      )
      if (forged.size === 0) return written
      alert('erasure-forged', { count: forged.size })
      const wanted = erasures.filter(({ tokenHash }) => forged.has(tokenHash.toString('hex')))
      return new Set([...written, ...(await insertErasures(tx, wanted, null, true))])
    },
    async file(tokens) {
      const rows = await findErasures(database, hashesOf(tokens))
      if (rows.length === 0 || !(await shipper.file(rows.map(({ line }) => line)))) return
      const hashes = rows.map(({ token_hash }) => token_hash)
      await markShipped(database, 'filed', hashes, now())
    },
    async finish(tx, records, at) {
      const done: DoneErasure[] = []
      for (const record of records) {
        done.push({ tokenHash: hashOfToken(record.token), customer: await customerOfErased(keys, record) })
      }
      await finishErasures(tx, done, at)
    },
    originOf,
    entryOf,
  }
}
