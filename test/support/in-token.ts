import { createRequire } from 'node:module'
import type { SoftHsm } from './soft-hsm.ts'

const require = createRequire(import.meta.url)

/** A session with the token, beside the vault's. */
export interface Token {
  pkcs11: typeof import('pkcs11js')
  library: import('pkcs11js').PKCS11
  session: Buffer
}

/** Another program's view of the token. */
export function withToken<T>(hsm: SoftHsm, work: (token: Token) => T): T {
  const pkcs11: typeof import('pkcs11js') = require('pkcs11js')
  const library = new pkcs11.PKCS11()
  library.load(hsm.module)
  library.C_Initialize()
  try {
    const slot = library.C_GetSlotList(true).find((it) => library.C_GetTokenInfo(it).label.trim() === hsm.token)!
    const session = library.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION)
    library.C_Login(session, pkcs11.CKU_USER, hsm.pin)
    return work({ pkcs11, library, session })
  } finally {
    library.C_Finalize()
  }
}

/** The secret keys in the token: those of that id, or all. */
export function keysIn({ pkcs11, library, session }: Token, id?: string): Buffer[] {
  const ofId = id === undefined ? [] : [{ type: pkcs11.CKA_ID, value: Buffer.from(id) }]
  library.C_FindObjectsInit(session, [{ type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY }, ...ofId])
  const keys = library.C_FindObjects(session, 100)
  library.C_FindObjectsFinal(session)
  return keys
}

/** The boolean attributes of a key, by name. */
export function attributesIn({ pkcs11, library, session }: Token, key: Buffer, names: readonly AttributeName[]) {
  return Object.fromEntries(
    names.map((name) => {
      const value = library.C_GetAttributeValue(session, key, [{ type: pkcs11[name] }])[0]!.value
      return [name, (value as Buffer)[0] === 1]
    }),
  )
}

type AttributeName =
  | 'CKA_SENSITIVE'
  | 'CKA_EXTRACTABLE'
  | 'CKA_WRAP'
  | 'CKA_UNWRAP'
  | 'CKA_MODIFIABLE'
  | 'CKA_COPYABLE'
  | 'CKA_ALWAYS_SENSITIVE'
  | 'CKA_NEVER_EXTRACTABLE'
  | 'CKA_LOCAL'
