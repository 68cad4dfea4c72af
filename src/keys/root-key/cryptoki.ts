/**
 * The part of PKCS#11 (Cryptoki v2.40) that a root key needs, as the package pkcs11js gives it. Its types are written down
 * here: the package is optional, needs a compiler to be installed, and the vault must be built without it too.
 */
export interface Cryptoki {
  load(module: string): void
  C_Initialize(): void
  C_GetSlotList(withToken: boolean): Handle[]
  /** Both padded with blanks. */
  C_GetTokenInfo(slot: Handle): { label: string; serialNumber: string }
  C_GetMechanismList(slot: Handle): number[]
  C_GetMechanismInfo(slot: Handle, mechanism: number): { flags: number }
  C_OpenSession(slot: Handle, flags: number): Handle
  C_Login(session: Handle, user: number, pin: string): void
  C_GenerateKey(session: Handle, mechanism: Mechanism, template: readonly Attribute[]): Handle
  C_DestroyObject(session: Handle, object: Handle): void
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void
  C_FindObjects(session: Handle, most: number): Handle[]
  C_FindObjectsFinal(session: Handle): void
  C_GetAttributeValue(session: Handle, object: Handle, template: readonly Attribute[]): { value?: Buffer }[]
  C_EncryptInit(session: Handle, mechanism: Mechanism, key: Handle): void
  C_Encrypt(session: Handle, bytes: Buffer, into: Buffer): Buffer
  C_DecryptInit(session: Handle, mechanism: Mechanism, key: Handle): void
  C_Decrypt(session: Handle, bytes: Buffer, into: Buffer): Buffer
}

export interface CryptokiPackage {
  PKCS11: new () => Cryptoki
  Pkcs11Error: new (message: string, code: number) => CryptokiError
}

/** A call was answered with another code than CKR_OK; the message is its name. */
export interface CryptokiError extends Error {
  readonly code: number
}

export type Handle = Buffer

export interface Attribute {
  type: number
  value?: number | boolean | string | Buffer
}

export interface Mechanism {
  mechanism: number
  /** CK_GCM_PARAMS. The library may write its own IV into the memory of `iv`. */
  parameter?: { type: number; iv: Buffer; aad: Buffer; ivBits: number; tagBits: number }
}

/**
 * PKCS#11 v2.40 and v3.1, appendix "Manifest constants"; numbers of vendors from the headers of their SDKs. CK_PARAMS_GCM is
 * the package's own: its older CK_PARAMS_AES_GCM leaves `ulIvBits` unset, which Luna reads.
 */
export const CK = {
  CKA_CLASS: 0x0,
  CKA_TOKEN: 0x1,
  CKA_PRIVATE: 0x2,
  CKA_LABEL: 0x3,
  CKA_KEY_TYPE: 0x100,
  CKA_ID: 0x102,
  CKA_SENSITIVE: 0x103,
  CKA_ENCRYPT: 0x104,
  CKA_DECRYPT: 0x105,
  CKA_WRAP: 0x106,
  CKA_UNWRAP: 0x107,
  CKA_VALUE_LEN: 0x161,
  CKA_EXTRACTABLE: 0x162,
  CKA_LOCAL: 0x163,
  CKA_NEVER_EXTRACTABLE: 0x164,
  CKA_ALWAYS_SENSITIVE: 0x165,
  CKA_MODIFIABLE: 0x170,
  CKA_COPYABLE: 0x171,
  CKO_SECRET_KEY: 0x4,
  CKK_AES: 0x1f,
  CKM_AES_KEY_GEN: 0x1080,
  CKM_AES_ECB: 0x1081,
  CKM_AES_GCM: 0x1087,
  CKM_AES_KEY_WRAP_PAD: 0x210a,
  CKM_AES_KEY_WRAP_KWP: 0x210b,
  /** Thales Luna's number of CKM_AES_KEY_WRAP_KWP. */
  CKM_LUNA_AES_KWP: 0x80000171,
  CKF_ENCRYPT: 0x100,
  CKF_DECRYPT: 0x200,
  CKU_USER: 0x1,
  CKF_RW_SESSION: 0x2,
  CKF_SERIAL_SESSION: 0x4,
  CKR_ATTRIBUTE_READ_ONLY: 0x10,
  CKR_ATTRIBUTE_TYPE_INVALID: 0x12,
  CKR_ATTRIBUTE_VALUE_INVALID: 0x13,
  CKR_DEVICE_REMOVED: 0x32,
  CKR_MECHANISM_INVALID: 0x70,
  CKR_PIN_INCORRECT: 0xa0,
  CKR_PIN_EXPIRED: 0xa3,
  CKR_PIN_LOCKED: 0xa4,
  CKR_SESSION_CLOSED: 0xb0,
  CKR_SESSION_HANDLE_INVALID: 0xb3,
  CKR_TEMPLATE_INCONSISTENT: 0xd1,
  CKR_TOKEN_NOT_PRESENT: 0xe0,
  CKR_USER_NOT_LOGGED_IN: 0x101,
  CK_PARAMS_GCM: 0x19,
} as const
