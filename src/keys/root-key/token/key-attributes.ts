import { type Attribute, CK } from '../cryptoki.ts'
import { TokenFailure } from './token-failure.ts'

/** An attribute of the root key as it must be. */
interface Rule {
  name: string
  type: number
  value: boolean
  /** `made`: the token sets it itself. `optional`: there are tokens that do not know it, or do not let it be false. */
  by?: 'made' | 'optional'
}

/**
 * The key is made inside the token, never leaves it, and does nothing but encrypt and decrypt. A key that also wraps
 * gets other keys out of the token, one that unwraps gets known ones in; one that can be modified or copied can be
 * given both.
 */
const RULES: readonly Rule[] = [
  { name: 'CKA_SENSITIVE', type: CK.CKA_SENSITIVE, value: true },
  { name: 'CKA_EXTRACTABLE', type: CK.CKA_EXTRACTABLE, value: false },
  { name: 'CKA_WRAP', type: CK.CKA_WRAP, value: false },
  { name: 'CKA_UNWRAP', type: CK.CKA_UNWRAP, value: false },
  { name: 'CKA_MODIFIABLE', type: CK.CKA_MODIFIABLE, value: false, by: 'optional' },
  { name: 'CKA_COPYABLE', type: CK.CKA_COPYABLE, value: false, by: 'optional' },
  { name: 'CKA_ALWAYS_SENSITIVE', type: CK.CKA_ALWAYS_SENSITIVE, value: true, by: 'made' },
  { name: 'CKA_NEVER_EXTRACTABLE', type: CK.CKA_NEVER_EXTRACTABLE, value: true, by: 'made' },
  { name: 'CKA_LOCAL', type: CK.CKA_LOCAL, value: true, by: 'made' },
]

/** Attributes that earlier keys were made without: their absence is reported, and the key is still accepted. */
const SINCE_WAYS: readonly string[] = ['CKA_WRAP', 'CKA_UNWRAP', 'CKA_MODIFIABLE', 'CKA_COPYABLE']

/** What a key of the vault is, and what it may lack. */
export type KnownKey =
  /** Made before the vault recorded how a key wraps. */
  | { made: 'before' }
  /** Made since, in a token that would not have these optional attributes be false. */
  | { made: 'since'; lacks: readonly string[] }

/** Optional attributes that a template leaves out, best first. */
const LEFT_OUT: readonly (readonly number[])[] = [
  [],
  [CK.CKA_COPYABLE],
  [CK.CKA_MODIFIABLE],
  [CK.CKA_COPYABLE, CK.CKA_MODIFIABLE],
]

/** Templates for a new key: each but the first leaves out what some tokens refuse. */
export function keyTemplates(): Attribute[][] {
  const asked = RULES.filter(({ by }) => by !== 'made')
  return LEFT_OUT.map((left) => [
    { type: CK.CKA_CLASS, value: CK.CKO_SECRET_KEY },
    { type: CK.CKA_KEY_TYPE, value: CK.CKK_AES },
    { type: CK.CKA_VALUE_LEN, value: 32 },
    { type: CK.CKA_TOKEN, value: true },
    { type: CK.CKA_PRIVATE, value: true },
    { type: CK.CKA_ENCRYPT, value: true },
    { type: CK.CKA_DECRYPT, value: true },
    ...asked.filter(({ type }) => !left.includes(type)).map(({ type, value }) => ({ type, value })),
  ])
}

/** Which attributes the key lacks that were asked for and are optional. */
export function lacksOf(read: (type: number) => boolean | undefined): string[] {
  return RULES.filter(({ type, value, by }) => by === 'optional' && read(type) !== value).map(({ name }) => name)
}

/**
 * Which attributes a key lacks that its kind may lack.
 *
 * @param read the attribute of the key in the token; undefined when the token does not know it
 * @throws {TokenFailure} config, when it lacks any other
 */
export function checkAttributes(read: (type: number) => boolean | undefined, known: KnownKey): string[] {
  const wrong = RULES.map((rule) => ({ ...rule, is: read(rule.type) })).filter(({ is, value }) => is !== value)
  const mayLack = ({ name, is, by }: (typeof wrong)[number]) =>
    known.made === 'since'
      ? by === 'optional' && known.lacks.includes(name)
      : SINCE_WAYS.includes(name) || (by === 'made' && is === undefined)
  const refused = wrong.filter((rule) => !mayLack(rule))
  if (refused.length > 0) {
    const what = refused.map(({ name, is, value }) => `${name} is ${is ?? 'not known to the token'}, not ${value}`)
    throw new TokenFailure('config', `the key can leave the token, or does more than the vault's: ${what.join(', ')}`)
  }
  return wrong.filter(({ name }) => SINCE_WAYS.includes(name)).map(({ name }) => name)
}
