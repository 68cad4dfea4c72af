import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import type { KeyRing } from './key/key-ring.ts'
import { type KeyToSignDeps, keyToSign } from './lifecycle/key-to-sign.ts'
import { SCRIPT_OVERLAP_MS } from './lifecycle/signing-plan.ts'
import type { Keys } from './ring/keys.ts'

const PURPOSE = 'script-signing'

/** A key that signs the script of shops now. */
export interface ScriptKey {
  /** The 32 bytes of the public key (RFC 8032), as pages pin them. */
  publicKey: string
  /** The private key. */
  key: KeyObject
  /** Until when a replaced key signs beside the current one. */
  signsUntil: Date | undefined
}

/** The keys that sign the script of shops. */
export interface ScriptKeys {
  /** Those that sign now, the current one first: the same list until the keys change. @throws {Problem} sealed */
  signing(): readonly ScriptKey[]
  /** The same to sign with, which counts as a use of the current one. @throws {Problem} as `Keys.active` */
  toSign(): Promise<readonly ScriptKey[]>
}

export interface ScriptKeysDeps extends KeyToSignDeps {
  keys: KeyToSignDeps['keys'] & Pick<Keys, 'ring' | 'verified'>
}

/**
 * A browser refuses a script that the key which a page pins has not signed. So a replaced key signs on for a while, also
 * the script of a newer version: it is deactivated, and destroyed at the end of that time. A compromised key signs
 * nothing any more.
 */
export function createScriptKeys(deps: ScriptKeysDeps): ScriptKeys {
  const { keys } = deps
  let found: { ring: KeyRing; signing: readonly ScriptKey[] } | undefined
  const signing = () => {
    const { ring } = keys
    if (found?.ring !== ring) found = { ring, signing: signingIn(keys) }
    return found.signing
  }
  return {
    signing,
    async toSign() {
      await keyToSign(deps, PURPOSE)
      return signing()
    },
  }
}

function signingIn({ ring, verified }: Pick<Keys, 'ring' | 'verified'>): ScriptKey[] {
  const replacedAt = (id: string) => verified.keys.find((row) => row.id === id)?.deactivated_at?.getTime()
  return ring
    .all(PURPOSE)
    .filter(({ state }) => state === 'active' || state === 'deactivated')
    .map(({ id, secret }) => {
      const since = replacedAt(id)
      const signsUntil = since === undefined ? undefined : new Date(since + SCRIPT_OVERLAP_MS)
      return { publicKey: rawPublicKeyOf(secret), key: secret, signsUntil }
    })
}

function rawPublicKeyOf(secret: KeyObject): string {
  const { x } = createPublicKey(secret).export({ format: 'jwk' }) as JsonWebKey & { x: string }
  return Buffer.from(x, 'base64url').toString('base64')
}
