import type { KeyObject } from 'node:crypto'

/** Above this number of keys, the key with the oldest last proof is forgotten. */
const MAX_KEYS = 2000
/** The header of an RSA key of 4096 bits is shorter. The text is kept, so a longer one is read each time. */
const MAX_HEADER_LENGTH = 1024

/** The key in the header of a proof. */
export interface ProofKey {
  /** The object that jose keeps its imported key for, while the object lives. */
  publicKey: KeyObject
  /** RFC 7638. */
  thumbprint: string
}

/**
 * The keys that have signed a right proof for a token bound to them. Importing a key costs more than verifying with it.
 *
 * A key is found by the thumbprint in the token and by the whole header of the proof, character for character. A header
 * that says anything else is read as if it were the first. Each thumbprint has one place, and only a caller with a token
 * that is bound to the key can take it. A flood of new keys costs another caller one import, if its key was forgotten.
 */
export interface ProofKeys {
  find(thumbprint: string, header: string): ProofKey | undefined
  /** The key counts as the latest, whether it is new or not. */
  remember(header: string, key: ProofKey): void
}

export function createProofKeys(maxKeys = MAX_KEYS): ProofKeys {
  /** By thumbprint; the latest comes last. */
  const known = new Map<string, { header: string; key: ProofKey }>()

  return {
    find(thumbprint, header) {
      const found = known.get(thumbprint)
      return found?.header === header ? found.key : undefined
    },
    remember(header, key) {
      if (header.length > MAX_HEADER_LENGTH) return
      known.delete(key.thumbprint)
      known.set(key.thumbprint, { header, key })
      if (known.size > maxKeys) known.delete(known.keys().next().value!)
    },
  }
}
