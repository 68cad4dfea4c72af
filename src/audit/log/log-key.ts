import type { KeyObject } from 'node:crypto'

/** An Ed25519 key that signs checkpoints. */
export interface LogKey {
  id: string
  /** The private key. */
  secret: KeyObject
}
