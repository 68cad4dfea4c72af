import { timingSafeEqual } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Caller, ProveCaller } from '../../access/policy/caller.ts'
import type { AuditEvent } from '../../audit/event/audit-event.ts'
import { createBatch } from '../../database/batch.ts'
import type { Database } from '../../database/database.ts'
import { isUniqueViolation } from '../../database/database-error.ts'
import type { Answer } from '../../http/route.ts'
import type { Key } from '../../keys/key/key.ts'
import { keyedHash } from '../../keys/key/keyed-hash.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import type { Sealed } from '../../keys/sealing/seal-context.ts'
import { Problem } from '../../values/problem.ts'
import { tokensIn } from '../record/tokens-in.ts'
import {
  commitReplay,
  findIdempotencyRows,
  forgetAnswer,
  IDEMPOTENCY_CONSTRAINT,
  type IdempotencyRow,
} from './idempotency-store.ts'
import { answerContext } from './kept-answers.ts'

/** How long a key is kept, and what its request was. */
export const KEPT_FOR_MS = 24 * 60 * 60 * 1000
const KEY = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/
const PAD_BYTES = 128

interface IdempotentRequest {
  caller: Caller
  /** The value of the `Idempotency-Key` header, if there was one. */
  key: string | undefined
  /** The route and its parameters, which must be the same the next time. */
  call: readonly string[]
  /** The body, which must be the same JSON value: the order of members and white space do not count. */
  body: { value: unknown; bytes: Uint8Array }
}

/**
 * Makes the row that must commit together with what the request does. `kept` is what a replay starts from; it is kept until
 * `until`, or for a day.
 */
export type ReserveKey = (kept: unknown, until?: Date) => IdempotencyRow

/** Commits the events of a repeated answer, at least one. @throws {Problem} record-gone */
export type CommitReplay = (events: readonly AuditEvent[]) => Promise<void>

export interface Idempotency {
  /**
   * Runs `work` once for each Idempotency-Key of a caller. The row is written by `work` itself, in its own statement,
   * so an answer and its key commit together or not at all; failures are not kept. An answer that does not open counts
   * as not kept: the request is done again.
   *
   * @param replay makes the answer from what was kept, once `commit` has committed its events again. The results of a
   *   reveal, match or search are not kept, only their events: they look again, with events of their own, so that an
   *   erasure in the meantime counts
   * @throws {Problem} invalid-idempotency-key, request-in-flight, idempotency-key-reused, record-gone
   */
  once<K>(
    request: IdempotentRequest,
    work: (reserve: ReserveKey | undefined) => Promise<Answer>,
    replay: (kept: K, commit: CommitReplay) => Promise<Answer>,
  ): Promise<Answer>
  /**
   * What is kept for a key, whatever the request was; undefined where the key was not used. For routes whose callers are proven
   * before their work.
   *
   * @throws {Problem} record-gone
   */
  find<K>(caller: KeyOwner, key: string): Promise<{ kept: K; commit: CommitReplay } | undefined>
}

/** Whose key it is. In a checkout session the key is one of the session. */
type KeyOwner = Pick<Caller, 'id' | 'site' | 'session'>

export interface IdempotencyDeps {
  database: Database
  keys: Keys
  now: () => Date
  proveCaller: ProveCaller
  /** Throws when nothing may be released now, because a repeated answer is a release too. */
  requireRelease?: () => void
}

export function createIdempotency(deps: IdempotencyDeps): Idempotency {
  const { database, keys, now, proveCaller, requireRelease = () => {} } = deps
  const inFlight = new Set<string>()

  const find = createBatch({
    run: (lookups: readonly { keyHashes: readonly Buffer[]; now: Date }[]) => findIdempotencyRows(database, lookups),
  })

  /** What is kept under any of the hashes, and how its event commits. */
  async function findKept<K>(keyHashes: readonly Buffer[], request: IdempotentRequest | undefined) {
    const row = await find({ keyHashes, now: now() })
    if (row === undefined) return undefined
    if (request !== undefined && !isSameRequest(row, request)) throw new Problem('idempotency-key-reused')
    if (row.response === undefined) throw new Problem('record-gone')
    const opened = await openAnswer(row, row.response)
    if (opened === undefined) {
      await forgetAnswer(database, keyHashes, row.response.bytes)
      return undefined
    }
    const kept = JSON.parse(opened.toString('utf8')) as K
    const commit: CommitReplay = async (events) => {
      if (request !== undefined) await proveCaller(request.caller)
      requireRelease()
      if (!(await commitReplay(database, row.keyHash, tokensIn(kept), events))) throw new Problem('record-gone')
    }
    return { kept, commit }
  }

  function isSameRequest({ requestHash }: IdempotencyRow, request: IdempotentRequest): boolean {
    // Rows of versions before hash the bytes as they came; they expire within a day.
    const fingerprints = [fingerprintOf(request), [...request.call, { untagged: request.body.bytes }]]
    return keys.ring
      .all('index')
      .flatMap((key) => fingerprints.map((fingerprint) => keyedHash(key, 'idempotent-request', fingerprint)))
      .some((hash) => timingSafeEqual(hash, requestHash))
  }

  /** Undefined for an answer that does not open, for example because its key was destroyed. That is an alert. */
  async function openAnswer(row: IdempotencyRow, response: Sealed): Promise<Buffer | undefined> {
    try {
      return await keys.open(response, answerContext(row))
    } catch (error) {
      if (error instanceof Problem && error.code === 'record-integrity') return undefined
      throw error
    }
  }

  return {
    find: (caller, key) => {
      const hashes = keys.ring.all('index').map((index) => keyHashOf(index, caller, key))
      return findKept(hashes, undefined)
    },

    async once(request, work, replay) {
      if (request.key === undefined) return work(undefined)
      if (!KEY.test(request.key)) throw new Problem('invalid-idempotency-key')
      const { caller, key } = request
      const hashOfKey = (index: Key) => keyHashOf(index, caller, key)
      const hashesOfKey = keys.ring.all('index').map(hashOfKey)
      const keyHash = hashesOfKey[0]!
      const name = keyHash.toString('base64')
      if (inFlight.has(name)) throw new Problem('request-in-flight', { retryAfterSeconds: 1 })
      inFlight.add(name)
      try {
        const earlier = await findKept<Parameters<typeof replay>[0]>(hashesOfKey, request)
        if (earlier) return replayed(await replay(earlier.kept, earlier.commit))
        const reserve: ReserveKey = (kept, until = new Date(now().getTime() + KEPT_FOR_MS)) => {
          const [under, ...others] = [keys.active('index'), ...keys.ring.all('index').filter(isPreActive)].map(
            (index) => ({
              keyHash: hashOfKey(index),
              requestHash: keyedHash(index, 'idempotent-request', fingerprintOf(request)),
              indexKeyId: index.id,
            }),
          )
          const answer = Buffer.from(JSON.stringify(kept), 'utf8')
          const response = keys.seal('display', answerContext({ ...under!, expiresAt: until }), answer, PAD_BYTES)
          return { ...under!, response, expiresAt: until, also: others }
        }
        try {
          return await work(reserve)
        } catch (error) {
          if (!isUniqueViolation(error, IDEMPOTENCY_CONSTRAINT)) throw error
          // Another server answered the same request in the meantime.
          const meanwhile = await findKept<Parameters<typeof replay>[0]>(hashesOfKey, request)
          if (meanwhile === undefined) throw new Problem('request-in-flight', { retryAfterSeconds: 1 })
          return replayed(await replay(meanwhile.kept, meanwhile.commit))
        }
      } finally {
        inFlight.delete(name)
      }
    },
  }
}

function keyHashOf(index: Key, { id, site, session }: KeyOwner, key: string): Buffer {
  return keyedHash(index, 'idempotency-key', session === undefined ? [id, site, key] : [id, site, key, session])
}

/** The call, and the body in its canonical form (RFC 8785). */
function fingerprintOf({ call, body }: IdempotentRequest): readonly string[] {
  return [...call, canonicalize(body.value) ?? '']
}

/** Another server may know already that this key is the active one. */
const isPreActive = ({ state }: Key) => state === 'pre-active'

function replayed(answer: Answer): Answer {
  return { ...answer, headers: { ...answer.headers, 'Idempotent-Replayed': 'true' } }
}
