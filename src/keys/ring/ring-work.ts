import { availableParallelism } from 'node:os'
import type { Alert } from '../../observability/alert.ts'
import { Problem } from '../../values/problem.ts'
import type { RandomBytes } from '../../values/random.ts'
import { isClosed } from '../key/closed-keys.ts'
import type { Key, KeyPurpose } from '../key/key.ts'
import { boundRowsMark } from '../key/marks.ts'
import { bindsRow, open, seal } from '../sealing/seal.ts'
import { type SealContext, SealError, type Sealed } from '../sealing/seal-context.ts'
import type { PlainValue, SealingThread } from '../sealing/sealing-thread.ts'
import type { CurrentRing } from './current-ring.ts'
import type { KeyUses } from './key-uses.ts'

/** The sealing of fewer values takes less time than it takes another thread to wake up and answer. */
const MANY_VALUES = 20
const hasSecondCore = availableParallelism() > 1

/** What is done with the ring. */
export interface RingWork {
  /**
   * The key that seals, signs or hashes what will be stored, and counts one use by default. Look-ups take their keys
   * from the ring, which gives expired ones too.
   *
   * @throws {Problem} key-expired, if its cryptoperiod or its uses are over; sealed or database-unavailable, if the
   *   registry could not be read for too long; busy, if it was not, see `ensureFresh`
   */
  active(purpose: KeyPurpose, uses?: number): Key
  /** Seals under the active key of that purpose. @throws {Problem} as `active` */
  seal(purpose: 'display' | 'secret', context: SealContext, plaintext: Uint8Array, padToBytes: number): Sealed
  /**
   * Seals values and wipes their plaintext; answers in their order. Many are sealed in a thread of their own, if the
   * machine has a second core.
   *
   * @throws {Problem} as `active`; busy, when the thread fails
   */
  sealAll(values: readonly PlainValue[]): Promise<Sealed[]>
  /**
   * Opens under the key that sealed, which must be one for that part; an unknown key id is looked up in the registry
   * first. A closed key opens nothing. A value in a row of an earlier version, which is not bound to the rest of it,
   * opens only under a key that had such values when this version came, and until a rotation has moved them.
   *
   * @throws {Problem} record-integrity, which is an alert, and sealed
   */
  open(sealed: Sealed, context: SealContext): Promise<Buffer>
}

interface RingWorkDeps {
  current: Pick<CurrentRing, 'ring' | 'requireYoung' | 'ensureFresh' | 'refresh'> & {
    readonly verified: { readonly marks: readonly string[] }
  }
  uses: Pick<KeyUses, 'consume'>
  thread: SealingThread
  /** The purpose of the keys that seal each part. */
  purposes: ReadonlyMap<string, KeyPurpose>
  now: () => Date
  alert: Alert
  randomBytes: RandomBytes
}

/** Seals and opens with the ring that is there at the moment. */
export function workWithRing(deps: RingWorkDeps): RingWork {
  const { alert, current, now, purposes, randomBytes, thread, uses } = deps

  function active(purpose: KeyPurpose, count = 1): Key {
    const key = current.ring.active(purpose)
    current.requireYoung()
    if (key.expiresAt !== null && now() >= key.expiresAt) throw new Problem('key-expired', { retryAfterSeconds: 60 })
    uses.consume(key.id, count)
    return key
  }

  function sealNow(purpose: KeyPurpose, context: SealContext, plaintext: Uint8Array, padToBytes: number): Sealed {
    const key = active(purpose)
    return { keyId: key.id, bytes: seal(key, context, plaintext, padToBytes, randomBytes) }
  }

  /** The key that may open that part. @throws {SealError} */
  async function keyFor(id: string, part: string): Promise<Key> {
    const isShut = () => isClosed(current.verified.marks, id)
    // Another server may have made the key, or opened it again, just now.
    if (!current.ring.find(id) || isShut()) await current.refresh()
    const found = current.ring.find(id)
    if (!found) throw new SealError('sealed under a key that does not exist')
    if (found.purpose !== purposes.get(part)) throw new SealError('sealed under a key of another purpose')
    if (isShut()) throw new SealError('sealed under a key that is closed: see "strongroom keys reopen"')
    return found
  }

  return {
    active,
    seal: sealNow,
    async sealAll(values) {
      try {
        await current.ensureFresh()
        if (values.length < MANY_VALUES || !hasSecondCore) {
          return values.map(({ purpose, context, plaintext, padToBytes }) =>
            sealNow(purpose, context, plaintext, padToBytes),
          )
        }
        const byPurpose = Map.groupBy(values, ({ purpose }) => purpose)
        const keyOf = new Map([...byPurpose].map(([purpose, { length }]) => [purpose, active(purpose, length)]))
        const keyed = values.map((value) => ({ ...value, key: keyOf.get(value.purpose)! }))
        const sealed = await thread.seal(keyed)
        return keyed.map(({ key }, at) => ({ keyId: key.id, bytes: sealed[at]! }))
      } finally {
        // Also when the ring refused.
        for (const { plaintext } of values) plaintext.fill(0)
      }
    },
    async open(sealed, context) {
      try {
        const key = await keyFor(sealed.keyId, context.part)
        const isOfRow = context.facts === undefined || bindsRow(sealed.bytes)
        if (!isOfRow && current.verified.marks.includes(boundRowsMark(key.id))) {
          throw new SealError('sealed value is not bound to its row, as all under its key are')
        }
        return open(key, context, sealed.bytes)
      } catch (error) {
        if (!(error instanceof SealError)) throw error
        const { kind, token, part, version } = context
        alert('record-integrity', { kind, token, part, version, reason: error.message })
        throw new Problem('record-integrity', { cause: error })
      }
    },
  }
}
