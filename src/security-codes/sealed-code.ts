import type { KeyState } from '../keys/key/key.ts'
import type { Keys } from '../keys/ring/keys.ts'
import { SealError } from '../keys/sealing/seal-context.ts'
import { codeDigitsOf } from '../kinds/card-brand.ts'
import { Problem } from '../values/problem.ts'
import type { RandomBytes } from '../values/random.ts'
import { Sensitive } from '../values/sensitive.ts'
import type { CodeKeys } from './code-keys.ts'
import { openSealedTo, sealTo } from './sealed-to-process.ts'
import { type CodePlace, codeContext, codeText, type StoredCode } from './security-code.ts'

const DOMAIN = 'strongroom security code'
/** A code outlives the replacement of the key that made its MAC. */
const KNOWN: readonly KeyState[] = ['active', 'deactivated']

export interface SealedCodeDeps {
  keys: Pick<Keys, 'macs'>
  codeKeys: CodeKeys
}

/** @param brand of the card; undefined or unknown: any @throws {Problem} invalid-input */
export function requireDigits(code: Sensitive<string>, brand: string | undefined, pointer: string): void {
  const digits = codeDigitsOf(brand)
  if (digits.includes(code.expose().length)) return
  throw new Problem('invalid-input', { errors: [{ pointer, detail: `expected ${digits.join(' or ')} digits` }] })
}

/** Seals a code to every process that lives. */
export async function sealCode(
  { keys, codeKeys, randomBytes }: SealedCodeDeps & { randomBytes: RandomBytes },
  place: CodePlace,
  code: Sensitive<string>,
): Promise<StoredCode> {
  const plaintext = Buffer.from(code.expose(), 'ascii')
  try {
    const recipients = await codeKeys.recipients()
    const seals = recipients.map((recipient) =>
      sealTo(recipient, codeContext(place, recipient), plaintext, randomBytes),
    )
    const mac = keys.macs.make('access-mac', DOMAIN, codeText(place, { recipients, seals }))
    return { id: place.id, expiresAt: place.expiresAt, recipients, seals, mac }
  } finally {
    plaintext.fill(0)
  }
}

/**
 * Opens a code that the vault has stored for that place. Undefined when it is of another place, was changed, or was sealed to
 * no key of this process.
 */
export async function openCode(
  { keys, codeKeys }: SealedCodeDeps,
  place: CodePlace,
  row: StoredCode,
): Promise<Sensitive<string> | undefined> {
  if (!(await keys.macs.verify('access-mac', DOMAIN, codeText(place, row), row.mac, KNOWN))) return undefined
  for (const pair of codeKeys.pairs()) {
    const at = row.recipients.findIndex((recipient) => recipient.equals(pair.publicKey))
    if (at < 0) continue
    try {
      const plaintext = openSealedTo(pair, codeContext(place, pair.publicKey), row.seals[at]!)
      const code = new Sensitive(plaintext.toString('ascii'))
      plaintext.fill(0)
      return code
    } catch (error) {
      if (!(error instanceof SealError)) throw error
    }
  }
  return undefined
}
