import { sign } from 'node:crypto'
import type { ScriptKey, ScriptKeys } from '../keys/script-keys.ts'
import { digestField, messageBase } from '../values/message-base.ts'
import { VaultError } from '../values/vault-error.ts'

/** The name of the profile of RFC 9421 that browsers check (WICG Signature-based Integrity). */
const TAG = 'ed25519-integrity'
const COVERED = '"unencoded-digest";sf'

type Headers = Readonly<Record<string, string>>

/**
 * The headers with which a browser checks a script against a key that the page pins: a digest of the script, and a
 * signature over that of every key, each under its own label. A signature that did not verify would have the browser
 * refuse the script also without a pin.
 */
export function signScript(body: Uint8Array, keys: readonly Pick<ScriptKey, 'key' | 'publicKey'>[]): Headers {
  const digest = digestField(body)
  const signed = keys.map(({ key, publicKey }, index) => {
    const params = `(${COVERED});keyid="${publicKey}";tag="${TAG}"`
    const signature = sign(null, Buffer.from(messageBase([[COVERED, digest]], params), 'utf8'), key)
    const label = `sig${index + 1}`
    return { input: `${label}=${params}`, signature: `${label}=:${signature.toString('base64')}:` }
  })
  return {
    'unencoded-digest': digest,
    'signature-input': signed.map(({ input }) => input).join(', '),
    signature: signed.map(({ signature }) => signature).join(', '),
  }
}

/**
 * The headers of one script. They are made once for the keys that sign, and again when these change.
 *
 * A sealed vault, or one whose key cannot be used now, answers undefined: the script is served without a signature. A
 * page that pins a key does not load it then; it could not take a card either.
 */
export function createScriptSigner(
  keys: ScriptKeys,
  script: () => Promise<Uint8Array>,
): () => Promise<Headers | undefined> {
  let made: { under: readonly ScriptKey[]; headers: Headers } | undefined
  return async () => {
    try {
      if (made?.under !== keys.signing()) {
        const under = await keys.toSign()
        made = { under, headers: signScript(await script(), under) }
      }
      return made.headers
    } catch (error) {
      if (error instanceof VaultError) return undefined
      throw error
    }
  }
}

/** What a page writes into the attribute `integrity` to pin a key. */
export function pinOf({ publicKey }: Pick<ScriptKey, 'publicKey'>): string {
  return `ed25519-${publicKey}`
}
