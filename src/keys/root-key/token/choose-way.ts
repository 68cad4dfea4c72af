import { randomBytes } from 'node:crypto'
import { describeFailure, isSessionLost, TokenFailure } from './token-failure.ts'
import { RANDOM_BYTES, type TokenKey, unwrapInToken, wrapInToken } from './wrap-in-token.ts'
import { type WrapWay, waysOf } from './wrap-way.ts'

/** As long as a framed key, and whole semiblocks, so that both paddings of CKM_AES_KEY_WRAP_PAD show. */
const PROBE_BYTES = 72
const CONTEXT = Buffer.from('strongroom probe')
const OTHER_CONTEXT = Buffer.from('strongroom probf')

/**
 * The best way to wrap that works with this key. The token's list is only a beginning, because modules do different
 * things under one name. So each way is tried with the key itself.
 *
 * @param flags of each mechanism that the token lists
 * @throws {TokenFailure} config, when none works; the message says what each one failed by
 */
export function chooseWay(flags: ReadonlyMap<number, number>, key: TokenKey): WrapWay {
  const tried: string[] = []
  for (const way of waysOf(flags)) {
    const fault = tryWay(key, way)
    if (fault === undefined) return way
    tried.push(`${way.title}: ${fault}`)
  }
  const what = tried.length > 0 ? tried.join('; ') : 'it lists none of them for encryption and decryption'
  throw new TokenFailure(
    'config',
    `it offers no way to wrap keys: neither AES-KWP nor AES-GCM nor AES-ECB works (${what})`,
  )
}

/** What is wrong with the way; undefined when it does all that a wrap must. @throws when the token was lost in the middle */
function tryWay(key: TokenKey, way: WrapWay): string | undefined {
  try {
    return proveWay(key, way)
  } catch (error) {
    if (isSessionLost(error)) throw error
    return describeFailure(error).reason
  }
}

function proveWay(key: TokenKey, way: WrapWay): string | undefined {
  const bytes = randomBytes(PROBE_BYTES)
  const wrap = () => wrapInToken(key, way, { bytes, context: CONTEXT, random: randomBytes(RANDOM_BYTES) })
  const wrapped = wrap()
  if (wrap().equals(wrapped)) return 'it wraps the same bytes to the same again'
  if (!unwrapInToken(key, way, { wrapped, context: CONTEXT }).equals(bytes)) return 'it does not return what it wrapped'
  for (const at of [0, Math.floor(wrapped.length / 2), wrapped.length - 1]) {
    const changed = Buffer.from(wrapped)
    changed[at]! ^= 1
    if (opens(key, way, changed, CONTEXT)) return 'it does not notice a changed byte'
  }
  if (way.kind === 'gcm' && opens(key, way, wrapped, OTHER_CONTEXT)) return 'it does not notice other associated data'
  return undefined
}

function opens(key: TokenKey, way: WrapWay, wrapped: Buffer, context: Buffer): boolean {
  try {
    unwrapInToken(key, way, { wrapped, context })
    return true
  } catch (error) {
    if (isSessionLost(error)) throw error
    return false
  }
}
