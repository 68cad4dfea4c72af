import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { AuditFacts } from '../../src/audit/event/audit-event.ts'
import { createNewAuditEvent } from '../../src/audit/event/new-audit-event.ts'
import { formatCheckpoint } from '../../src/audit/formats/checkpoint.ts'
import { hashLeaf } from '../../src/audit/formats/merkle.ts'
import { type NoteVerifier, noteVerifier, rawPublicKey, signNote } from '../../src/audit/formats/signed-note.ts'
import { appendLeaves, EMPTY_EDGE, rootOfEdge, type TreeEdge } from '../../src/audit/formats/tree-edge.ts'
import { type LoggedLeaf, type LogSource, subtreeKey } from '../../src/audit/verification/log-source.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { createRandomBytes } from '../../src/values/random.ts'

export const ORIGIN = 'test/audit'
const PAGE_LEAVES = 512

export interface LogSigner {
  secret: KeyObject
  verifier: NoteVerifier
  /** As an event announces it. */
  announcement: string
}

export function newSigner(): LogSigner {
  const { privateKey: secret, publicKey } = generateKeyPairSync('ed25519')
  const announcement = rawPublicKey(publicKey).toString('base64')
  return { secret, verifier: noteVerifier(ORIGIN, publicKey), announcement }
}

/** A log in memory, as a vault would have kept it. */
export class WrittenLog {
  /** The time of the next event. */
  now = new Date('2026-01-01T00:00:00.000Z')
  readonly leaves: LoggedLeaf[] = []
  readonly subtrees = new Map<string, Buffer>()
  readonly checkpoints: { size: number; note: string; place: string }[] = []
  #edge: TreeEdge = EMPTY_EDGE
  #head: string | undefined
  readonly #newAuditEvent = createNewAuditEvent(
    () => this.now,
    createNewId(() => this.now, createRandomBytes()),
  )

  add(facts: Partial<AuditFacts> = {}): void {
    const { body, ...columns } = this.#newAuditEvent({ type: 'audit.read', outcome: 'success', ...facts })
    const hash = hashLeaf(Buffer.from(body))
    const { edge, completed } = appendLeaves(this.#edge, [hash])
    this.leaves.push({ sequence: this.#edge.size, hash, event: columns.id, stored: { body, columns } })
    this.#edge = edge
    for (const { level, index, hash: root } of completed) this.subtrees.set(subtreeKey(level, index), root)
    this.now = new Date(this.now.getTime() + 1_000)
  }

  /** Signs a checkpoint over what there is, and keeps it by default. */
  sign({ secret }: LogSigner, isKept = true): string {
    const { size } = this.#edge
    const note = signNote(formatCheckpoint({ origin: ORIGIN, size, root: rootOfEdge(this.#edge) }), ORIGIN, secret)
    this.#head = note
    if (isKept) this.checkpoints.push({ size, note, place: `the checkpoint kept of ${size} leaves` })
    return note
  }

  /** Removes events as retention does: whole tiles with their leaves, of others the events only. */
  drop(from: number, to: number): void {
    for (const leaf of this.leaves.filter(({ sequence }) => from <= sequence && sequence < to)) leaf.stored = undefined
    const isGone = (tile: number) => tile * 256 >= from && (tile + 1) * 256 <= to
    const kept = this.leaves.filter(({ sequence }) => !isGone(Math.floor(sequence / 256)))
    this.leaves.splice(0, this.leaves.length, ...kept)
  }

  source(): LogSource {
    const end = this.#edge.size
    const { leaves, subtrees, checkpoints } = this
    async function* pages() {
      for (let from = 0; from === 0 || from < end; from += PAGE_LEAVES) {
        const to = Math.min(end, from + PAGE_LEAVES)
        yield {
          to,
          leaves: leaves.filter(({ sequence }) => from <= sequence && sequence < to),
          subtree: (level: number, index: number) => subtrees.get(subtreeKey(level, index)),
          hasSubtrees: true,
          checkpoints: checkpoints.filter(({ size }) => from < size && size <= to),
        }
      }
    }
    const head = this.#head === undefined ? null : { place: 'the latest checkpoint', note: this.#head }
    return { head, isAlone: false, end, pages }
  }
}
