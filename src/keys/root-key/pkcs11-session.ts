import {
  type Attribute,
  CK,
  type Cryptoki,
  type CryptokiError,
  type CryptokiPackage,
  type Handle,
  type Mechanism,
} from './cryptoki.ts'
import { loadOptional } from './load-optional.ts'

/** Where the key is, and what opens the token. */
export interface TokenAccess {
  /** The vendor's library. */
  module: string
  /** The label of the token. */
  token: string
  pin: string
}

/** One request to the token, and what it is answered with. All bytes are copies. */
export type TokenRequest =
  | { do: 'generate'; label: string; id: Uint8Array }
  | { do: 'encrypt'; id: Uint8Array; nonce: Uint8Array; context: Uint8Array; bytes: Uint8Array }
  | { do: 'decrypt'; id: Uint8Array; nonce: Uint8Array; context: Uint8Array; bytes: Uint8Array }

/** `wrong`: the ciphertext is none of this key's; `config`: it must be mended by hand; anything else may pass. */
export type TokenAnswer = { bytes: Uint8Array } | { failed: 'wrong' | 'config' | 'token'; reason: string }

/** A failure that says itself what it is. */
class TokenFailure extends Error {
  override readonly name = 'TokenFailure'
  readonly failed: 'wrong' | 'config'

  constructor(failed: 'wrong' | 'config', message: string) {
    super(message)
    this.failed = failed
  }
}

export interface TokenSession {
  /** Never throws. */
  handle(request: TokenRequest): TokenAnswer
}

const TAG_BYTES = 16
const AES_256_BYTES = 32

/** The attributes of the key: it is made inside the token, and never leaves it. */
const UNEXPORTABLE: readonly Attribute[] = [
  { type: CK.CKA_CLASS, value: CK.CKO_SECRET_KEY },
  { type: CK.CKA_KEY_TYPE, value: CK.CKK_AES },
  { type: CK.CKA_VALUE_LEN, value: AES_256_BYTES },
  { type: CK.CKA_TOKEN, value: true },
  { type: CK.CKA_PRIVATE, value: true },
  { type: CK.CKA_SENSITIVE, value: true },
  { type: CK.CKA_EXTRACTABLE, value: false },
  { type: CK.CKA_ENCRYPT, value: true },
  { type: CK.CKA_DECRYPT, value: true },
]

/**
 * One logged-in session with a PKCS#11 token (v2.40), in which keys are AES-256 and encrypt by GCM (CKM_AES_GCM).
 *
 * Every call blocks until the vendor's library returns. Whoever must not block runs this in a process of its own.
 *
 * @throws {Error} what `describeFailure` describes
 */
export function openTokenSession({ module, token, pin }: TokenAccess): TokenSession {
  const { PKCS11, Pkcs11Error } = loadOptional<CryptokiPackage>('pkcs11js')
  const library = new PKCS11()
  library.load(module)
  library.C_Initialize()
  const slot = library.C_GetSlotList(true).find((candidate) => {
    return library.C_GetTokenInfo(candidate).label.trim() === token
  })
  // A token that is not there now may be put back.
  if (slot === undefined) throw new Pkcs11Error('CKR_TOKEN_NOT_PRESENT', CK.CKR_TOKEN_NOT_PRESENT)
  const session = library.C_OpenSession(slot, CK.CKF_SERIAL_SESSION | CK.CKF_RW_SESSION)
  library.C_Login(session, CK.CKU_USER, pin)
  const known = new Map<string, Handle>()

  function keyOf(id: Uint8Array): Handle {
    const name = Buffer.from(id).toString('hex')
    const handle = known.get(name) ?? findKey(library, session, Buffer.from(id))
    known.set(name, handle)
    return handle
  }

  function crypt(what: 'Encrypt' | 'Decrypt', key: Handle, mechanism: Mechanism, bytes: Uint8Array): Buffer {
    library[`C_${what}Init`](session, mechanism, key)
    return library[`C_${what}`](session, Buffer.from(bytes), Buffer.alloc(bytes.length + TAG_BYTES))
  }

  /** Whether the key still does what it should: a library may answer a wrong tag with CKR_GENERAL_ERROR. */
  function works(key: Handle): boolean {
    try {
      const mechanism = gcm(library.C_GenerateRandom(session, Buffer.alloc(12)), Buffer.alloc(0))
      const text = Buffer.from('whether the token works')
      return crypt('Decrypt', key, mechanism, crypt('Encrypt', key, mechanism, text)).equals(text)
    } catch {
      return false
    }
  }

  function answer(request: TokenRequest): Buffer {
    if (request.do === 'generate') {
      const { label, id } = request
      library.C_GenerateKey(session, { mechanism: CK.CKM_AES_KEY_GEN }, [
        ...UNEXPORTABLE,
        { type: CK.CKA_LABEL, value: label },
        { type: CK.CKA_ID, value: Buffer.from(id) },
      ])
      keyOf(id)
      return Buffer.alloc(0)
    }
    const key = keyOf(request.id)
    const mechanism = gcm(Buffer.from(request.nonce), Buffer.from(request.context))
    if (request.do === 'encrypt') return crypt('Encrypt', key, mechanism, request.bytes)
    try {
      return crypt('Decrypt', key, mechanism, request.bytes)
    } catch (error) {
      if (works(key)) throw new TokenFailure('wrong', 'the token did not decrypt this')
      throw error
    }
  }

  return {
    handle(request) {
      try {
        return { bytes: answer(request) }
      } catch (error) {
        return describeFailure(error)
      }
    },
  }
}

/** What went wrong, for the other process: codes of PKCS#11 and our own sentences, nothing else. */
export function describeFailure(error: unknown): TokenAnswer {
  if (error instanceof TokenFailure) return { failed: error.failed, reason: error.message }
  if (isCryptokiError(error)) return { failed: codeIsConfig(error.code), reason: error.message }
  // The library itself does not load: dlopen's message names the file and why.
  return { failed: 'config', reason: error instanceof Error ? error.message : 'unknown error' }
}

function isCryptokiError(error: unknown): error is CryptokiError {
  return error instanceof Error && error.name === 'Pkcs11Error' && 'code' in error && typeof error.code === 'number'
}

function codeIsConfig(code: number): 'config' | 'token' {
  const byHand: number[] = [CK.CKR_PIN_INCORRECT, CK.CKR_PIN_LOCKED, CK.CKR_PIN_EXPIRED, CK.CKR_MECHANISM_INVALID]
  return byHand.includes(code) ? 'config' : 'token'
}

/** @throws {TokenFailure} config, when there is no such key or it could leave the token */
function findKey(library: Cryptoki, session: Handle, id: Buffer): Handle {
  library.C_FindObjectsInit(session, [
    { type: CK.CKA_CLASS, value: CK.CKO_SECRET_KEY },
    { type: CK.CKA_ID, value: id },
  ])
  const found = library.C_FindObjects(session, 2)
  library.C_FindObjectsFinal(session)
  if (found.length !== 1) throw new TokenFailure('config', `the token holds ${found.length} keys of that id, not one`)
  const key = found[0]!
  const isSet = (type: number) => library.C_GetAttributeValue(session, key, [{ type }])[0]?.value?.[0] === 1
  if (isSet(CK.CKA_EXTRACTABLE) || !isSet(CK.CKA_SENSITIVE)) {
    throw new TokenFailure('config', 'the key can leave the token (CKA_EXTRACTABLE is set, or CKA_SENSITIVE is not)')
  }
  return key
}

function gcm(iv: Buffer, aad: Buffer): Mechanism {
  const parameter = { type: CK.CK_PARAMS_AES_GCM, iv, aad, ivBits: iv.length * 8, tagBits: TAG_BYTES * 8 }
  return { mechanism: CK.CKM_AES_GCM, parameter }
}
