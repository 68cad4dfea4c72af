import type { Kind } from '../../kinds/kinds.ts'
import { type KindName, kindNames, tokenPrefixes } from '../../kinds/registry.ts'
import { RANDOM_NAME, randomName } from '../../values/identifier.ts'
import type { RandomBytes } from '../../values/random.ts'

/** A record's public name: a kind's prefix and 128 random bits. Never derived from the data. */
export type Token = string & { readonly __brand: 'Token' }

const TOKEN = new RegExp(`^(${Object.values(tokenPrefixes).join('|')})_${RANDOM_NAME}$`)

const KIND_NAMES = new Map(kindNames.map((kind) => [tokenPrefixes[kind], kind]))

export function newToken(kind: Kind, randomBytes: RandomBytes): Token {
  return `${kind.tokenPrefix}_${randomName(randomBytes)}` as Token
}

/** Undefined for a text that cannot be a token. It is treated like a token that does not exist. */
export function parseToken(text: string): Token | undefined {
  return TOKEN.test(text) ? (text as Token) : undefined
}

export function kindNameOf(token: Token): KindName {
  return KIND_NAMES.get(token.slice(0, token.indexOf('_')))!
}
