import { randomBytes } from 'node:crypto'
import { type Attribute, CK, type Cryptoki, type CryptokiPackage, type Handle, type Mechanism } from './cryptoki.ts'
import { loadOptional } from './load-optional.ts'
import { chooseWay } from './token/choose-way.ts'
import { checkAttributes, type KnownKey, keyTemplates, lacksOf } from './token/key-attributes.ts'
import { describeFailure, type FailureKind, isCryptokiError, TokenFailure } from './token/token-failure.ts'
import { RANDOM_BYTES, type TokenKey, unwrapInToken, wrapInToken } from './token/wrap-in-token.ts'
import { findWay, type WrapWay, wayMechanisms } from './token/wrap-way.ts'

/** The place of the key, and what opens the token. */
export interface TokenAccess {
  /** The vendor's library. */
  module: string
  /** The label of the token. */
  token: string
  /** Its serial number, where it is known which one it must be. */
  serial?: string | undefined
  pin: string
}

/** A key that the token has, as the vault knows it. */
export interface KeyInToken {
  id: Uint8Array
  /** The name of the way in which it wraps. */
  way: string
  known: KnownKey
}

/** One request to the token, and its answer. All bytes are copies. */
export type TokenRequest =
  | { do: 'generate'; label: string; id: Uint8Array }
  | { do: 'inspect'; key: KeyInToken }
  | { do: 'wrap'; key: KeyInToken; context: Uint8Array; random: Uint8Array; bytes: Uint8Array }
  | { do: 'unwrap'; key: KeyInToken; context: Uint8Array; bytes: Uint8Array }
  | { do: 'destroy'; id: Uint8Array }

/** `lacks`: the attributes that a key should have, and in this token has not. `serial`: that of the token. */
export type TokenAnswer =
  | { bytes: Uint8Array }
  | { way: string; lacks: readonly string[]; serial: string }
  | { failed: FailureKind; reason: string }

export interface TokenSession {
  /** Never throws. */
  handle(request: TokenRequest): TokenAnswer
}

/** More than any mechanism adds: IV, tag, padding. */
const ROOM_BYTES = 64

/** The answers of a token that does not accept an attribute of the template. */
const TEMPLATE_REFUSED: readonly number[] = [
  CK.CKR_ATTRIBUTE_READ_ONLY,
  CK.CKR_ATTRIBUTE_TYPE_INVALID,
  CK.CKR_ATTRIBUTE_VALUE_INVALID,
  CK.CKR_TEMPLATE_INCONSISTENT,
]

/**
 * One logged-in session with a PKCS#11 token (v2.40), in which root keys are AES-256 and wrap in the way that was found
 * when each was made. Everything is done by C_Encrypt and C_Decrypt: C_WrapKey wraps objects of the token, and would
 * need a key that may get others out of it.
 *
 * Every call blocks until the vendor's library returns, so this runs in a process of its own.
 *
 * @throws {Error} what `describeFailure` describes
 */
export function openTokenSession({ module, token, serial: wanted, pin }: TokenAccess): TokenSession {
  const { PKCS11, Pkcs11Error } = loadOptional<CryptokiPackage>('pkcs11js')
  const library = new PKCS11()
  library.load(module)
  library.C_Initialize()
  const found = findToken(library, token, wanted)
  // A token that is missing now may be put back.
  if (found === undefined) throw new Pkcs11Error('CKR_TOKEN_NOT_PRESENT', CK.CKR_TOKEN_NOT_PRESENT)
  const { slot, serial } = found
  const session = library.C_OpenSession(slot, CK.CKF_SERIAL_SESSION | CK.CKF_RW_SESSION)
  library.C_Login(session, CK.CKU_USER, pin)
  const checked = new Map<string, Handle>()

  function keyOf({ id, known }: KeyInToken): TokenKey {
    const name = Buffer.from(id).toString('hex')
    const handle = checked.get(name) ?? findKey(library, session, id)
    if (!checked.has(name)) checkAttributes(attributesOf(library, session, handle), known)
    checked.set(name, handle)
    return keyAt(library, session, handle)
  }

  function answer(request: TokenRequest): TokenAnswer {
    switch (request.do) {
      case 'generate':
        return { ...generate(library, session, slot, request), serial }
      case 'inspect': {
        const { id, way, known } = request.key
        const read = attributesOf(library, session, findKey(library, session, id))
        return { way, lacks: checkAttributes(read, known), serial }
      }
      case 'wrap':
        return { bytes: wrapInToken(keyOf(request.key), requireWay(request.key.way), request) }
      case 'unwrap':
        return { bytes: unwrap(keyOf(request.key), requireWay(request.key.way), request) }
      case 'destroy':
        library.C_DestroyObject(session, findKey(library, session, request.id))
        return { bytes: Buffer.alloc(0) }
    }
  }

  return {
    handle(request) {
      try {
        return answer(request)
      } catch (error) {
        return describeFailure(error)
      }
    },
  }
}

/**
 * The token of that label, and of that serial number where one is wanted: it is asked before anything sees the PIN.
 *
 * @throws {TokenFailure} config, when the tokens of that label are others
 */
function findToken(
  library: Cryptoki,
  label: string,
  wanted: string | undefined,
): { slot: Handle; serial: string } | undefined {
  const tokens = library.C_GetSlotList(true).flatMap((slot) => {
    const info = library.C_GetTokenInfo(slot)
    return info.label.trim() === label ? [{ slot, serial: info.serialNumber.trim() }] : []
  })
  const [first] = tokens
  if (first === undefined || wanted === undefined) return first
  const found = tokens.find(({ serial }) => serial === wanted)
  if (found !== undefined) return found
  const reason = `its serial number is ${first.serial}, and ${wanted} is pinned: bring back that token, or remove the pin file if it was replaced`
  throw new TokenFailure('config', reason)
}

/**
 * A new key, and the best way in which it wraps. One that is not as it should be, or wraps in no way, is destroyed again.
 *
 * @throws {TokenFailure} config
 */
function generate(
  library: Cryptoki,
  session: Handle,
  slot: Handle,
  { label, id }: Extract<TokenRequest, { do: 'generate' }>,
): { way: string; lacks: readonly string[] } {
  const handle = generateKey(library, session, [
    { type: CK.CKA_LABEL, value: label },
    { type: CK.CKA_ID, value: Buffer.from(id) },
  ])
  try {
    const read = attributesOf(library, session, handle)
    const lacks = lacksOf(read)
    checkAttributes(read, { made: 'since', lacks })
    return { way: chooseWay(flagsOf(library, slot), keyAt(library, session, handle)).name, lacks }
  } catch (error) {
    destroyQuietly(library, session, handle)
    throw error
  }
}

/**
 * Some tokens do not know an optional attribute, or demand its default: such a one is left to the token, and read
 * afterwards.
 */
function generateKey(library: Cryptoki, session: Handle, names: readonly Attribute[]): Handle {
  const templates = keyTemplates()
  for (const [index, template] of templates.entries()) {
    try {
      return library.C_GenerateKey(session, { mechanism: CK.CKM_AES_KEY_GEN }, [...template, ...names])
    } catch (error) {
      const isRefused = isCryptokiError(error) && TEMPLATE_REFUSED.includes(error.code)
      if (!isRefused || index === templates.length - 1) throw error
    }
  }
  throw new TokenFailure('config', 'it takes no template of the root key')
}

function destroyQuietly(library: Cryptoki, session: Handle, handle: Handle): void {
  try {
    library.C_DestroyObject(session, handle)
  } catch {
    // The operator must see the first error. A key that wraps nothing does no harm.
  }
}

function unwrap(
  key: TokenKey,
  way: WrapWay,
  { bytes, context }: { bytes: Uint8Array; context: Uint8Array },
): Uint8Array {
  try {
    return unwrapInToken(key, way, { wrapped: bytes, context })
  } catch (error) {
    if (!(error instanceof TokenFailure) && works(key, way)) {
      throw new TokenFailure('wrong', 'the token did not decrypt this')
    }
    throw error
  }
}

/** Whether the key still does what it should: a library may answer a wrong ciphertext with CKR_GENERAL_ERROR. */
function works(key: TokenKey, way: WrapWay): boolean {
  try {
    const bytes = Buffer.from('whether the token works')
    const context = Buffer.alloc(0)
    const wrapped = wrapInToken(key, way, { bytes, context, random: randomBytes(RANDOM_BYTES) })
    return unwrapInToken(key, way, { wrapped, context }).equals(bytes)
  } catch {
    return false
  }
}

/** @throws {TokenFailure} config, if there is no such key or more than one */
function findKey(library: Cryptoki, session: Handle, id: Uint8Array): Handle {
  library.C_FindObjectsInit(session, [
    { type: CK.CKA_CLASS, value: CK.CKO_SECRET_KEY },
    { type: CK.CKA_ID, value: Buffer.from(id) },
  ])
  const found = library.C_FindObjects(session, 2)
  library.C_FindObjectsFinal(session)
  if (found.length !== 1) throw new TokenFailure('config', `the token holds ${found.length} keys of that id, not one`)
  return found[0]!
}

function attributesOf(library: Cryptoki, session: Handle, key: Handle): (type: number) => boolean | undefined {
  return (type) => {
    try {
      const value = library.C_GetAttributeValue(session, key, [{ type }])[0]?.value
      return value?.length === 1 ? value[0] === 1 : undefined
    } catch (error) {
      if (isCryptokiError(error) && error.code === CK.CKR_ATTRIBUTE_TYPE_INVALID) return undefined
      throw error
    }
  }
}

/** The flags of the mechanisms that a way uses, of those that the token lists. */
function flagsOf(library: Cryptoki, slot: Handle): Map<number, number> {
  const listed = library.C_GetMechanismList(slot).filter((mechanism) => wayMechanisms.includes(mechanism))
  return new Map(listed.map((mechanism) => [mechanism, library.C_GetMechanismInfo(slot, mechanism).flags]))
}

function keyAt(library: Cryptoki, session: Handle, key: Handle): TokenKey {
  const crypt = (what: 'Encrypt' | 'Decrypt', mechanism: Mechanism, bytes: Buffer) => {
    library[`C_${what}Init`](session, mechanism, key)
    return library[`C_${what}`](session, bytes, Buffer.alloc(bytes.length + ROOM_BYTES))
  }
  return {
    encrypt: (mechanism, bytes) => crypt('Encrypt', mechanism, bytes),
    decrypt: (mechanism, bytes) => crypt('Decrypt', mechanism, bytes),
  }
}

function requireWay(name: string): WrapWay {
  const way = findWay(name)
  if (way === undefined) throw new TokenFailure('config', `this version does not know the way "${name}" to wrap`)
  return way
}
