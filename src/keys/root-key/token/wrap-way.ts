import { CK } from '../cryptoki.ts'

/**
 * How a key in a token wraps:
 * - `key-wrap`: the token does AES-KWP (NIST SP 800-38F, RFC 5649);
 * - `gcm`: the token does AES-GCM, and `iv` says what it is handed as IV;
 * - `block-cipher`: the token does single AES blocks, and this process does the rest of AES-KWP.
 */
export type WrapWay = WayName & ({ kind: 'key-wrap' | 'block-cipher' } | { kind: 'gcm'; iv: GcmIv })

/**
 * What a token is handed as the IV of CKM_AES_GCM:
 * - `ours`: random bytes, which it uses, or replaces in place or after the tag (SoftHSM, nShield, Luna outside FIPS
 *   mode, ProtectServer);
 * - `zeros`: zeros, which it overwrites with its own IV (AWS CloudHSM, ProtectServer in FIPS mode);
 * - `none`: nothing, and it puts its own IV after the tag (Luna in FIPS mode).
 */
export type GcmIv = 'ours' | 'zeros' | 'none'

interface WayName {
  mechanism: number
  /** What is recorded of the root key; must never change its meaning. */
  name: string
  /** For people. */
  title: string
  algorithm: 'AES-256-KWP' | 'AES-256-GCM'
}

const KWP = { kind: 'key-wrap', algorithm: 'AES-256-KWP' } as const
const GCM = { kind: 'gcm', algorithm: 'AES-256-GCM' } as const

/** What root keys did before the way was recorded. */
export const FIRST_WAY = {
  ...GCM,
  name: 'gcm',
  mechanism: CK.CKM_AES_GCM,
  iv: 'ours',
  title: 'CKM_AES_GCM with a random IV',
} as const

/**
 * In the order of preference: AES-KWP needs no IV, so that nothing depends on who draws it. AWS CloudHSM's own mechanisms are
 * not here: its key wrap is for C_WrapKey alone, and its CKM_CLOUDHSM_AES_GCM wants a NULL for the IV, which pkcs11js cannot
 * hand in.
 */
const WAYS: readonly WrapWay[] = [
  { ...KWP, name: 'kwp', mechanism: CK.CKM_AES_KEY_WRAP_KWP, title: 'CKM_AES_KEY_WRAP_KWP' },
  { ...KWP, name: 'kwp-luna', mechanism: CK.CKM_LUNA_AES_KWP, title: "Luna's CKM_AES_KWP" },
  // v2.40 pads as PKCS #7 and v3.0 withdraws the name, while several modules do RFC 5649 under it. Both are SP 800-38F.
  { ...KWP, name: 'kwp-pad', mechanism: CK.CKM_AES_KEY_WRAP_PAD, title: 'CKM_AES_KEY_WRAP_PAD' },
  FIRST_WAY,
  { ...GCM, name: 'gcm-zeros', mechanism: CK.CKM_AES_GCM, iv: 'zeros', title: 'CKM_AES_GCM with an IV of the token' },
  { ...GCM, name: 'gcm-none', mechanism: CK.CKM_AES_GCM, iv: 'none', title: 'CKM_AES_GCM without an IV' },
  {
    kind: 'block-cipher',
    algorithm: 'AES-256-KWP',
    name: 'kwp-ecb',
    mechanism: CK.CKM_AES_ECB,
    title: 'AES-KWP over CKM_AES_ECB',
  },
]

/** Every mechanism that a way uses. */
export const wayMechanisms: readonly number[] = [...new Set(WAYS.map(({ mechanism }) => mechanism))]

const CRYPTS = CK.CKF_ENCRYPT | CK.CKF_DECRYPT

/**
 * The ways to try in a token, best first.
 *
 * @param flags of each mechanism that the token lists (CK_MECHANISM_INFO). Key wrap that is for C_WrapKey alone does
 *   not serve: C_WrapKey wraps objects of the token, and the vault's keys are no such objects.
 */
export function waysOf(flags: ReadonlyMap<number, number>): WrapWay[] {
  return WAYS.filter(({ mechanism }) => ((flags.get(mechanism) ?? 0) & CRYPTS) === CRYPTS)
}

/** The way of that name; undefined when this version does not know it. */
export function findWay(name: string): WrapWay | undefined {
  return WAYS.find((way) => way.name === name)
}

/** The algorithm of a root key by the parameters of its record; undefined when they name no way. */
export function algorithmIn({ way }: Record<string, unknown>): WrapWay['algorithm'] | undefined {
  return typeof way === 'string' ? findWay(way)?.algorithm : undefined
}
