import type { KeyObject } from 'node:crypto'
import { hashOfBase64 } from '../formats/canonical-base64.ts'
import { isSignedBy, type NoteVerifier, noteVerifier, publicKeyFrom, type SignedNote } from '../formats/signed-note.ts'

/**
 * The keys whose checkpoints count: those that the verifier brought, and in turn every key that the log announces in a
 * part of it that a trusted key has signed. An attacker who replaces the end of a log can announce a key there, but
 * cannot have that end signed by an earlier key.
 */
export interface TrustedKeys {
  /** The log says at that leaf that this key signs it. @param publicKey the raw 32 bytes in base64 */
  announce(sequence: number, publicKey: string): void
  hasSigned(origin: string, note: SignedNote): boolean
  /** How many leaves a trusted key has signed. */
  believe(size: number): void
  /** How many leaves that are, by now. */
  readonly believed: number
  /** How many keys are trusted by now. */
  readonly count: number
}

/** @param given none to trust the first key that the log itself announces */
export function createTrustedKeys(given: readonly NoteVerifier[]): TrustedKeys {
  const announced: { sequence: number; publicKey: KeyObject }[] = []
  const trusted: KeyObject[] = []
  const verifiers = new Map<string, NoteVerifier[]>()
  let believed = 0
  /** An announcement counts as soon as its leaf is trusted. */
  function admit(): void {
    for (const { sequence, publicKey } of announced) {
      const isKnown = trusted.some((key) => key.equals(publicKey))
      if (sequence < believed && !isKnown) trusted.push(publicKey)
    }
  }
  function verifiersOf(origin: string): readonly NoteVerifier[] {
    const known = verifiers.get(origin) ?? []
    for (const key of trusted.slice(known.length)) known.push(noteVerifier(origin, key))
    verifiers.set(origin, known)
    return known
  }
  return {
    announce(sequence, publicKey) {
      const raw = hashOfBase64(publicKey)
      if (raw === undefined) return
      const key = publicKeyFrom(raw)
      announced.push({ sequence, publicKey: key })
      if (given.length === 0 && trusted.length === 0) trusted.push(key)
      if (sequence < believed) admit()
    },
    hasSigned: (origin, note) => [...given, ...verifiersOf(origin)].some((verifier) => isSignedBy(note, verifier)),
    believe(size) {
      if (size <= believed) return
      believed = size
      admit()
    },
    get believed() {
      return believed
    },
    get count() {
      return given.length + trusted.length
    },
  }
}
