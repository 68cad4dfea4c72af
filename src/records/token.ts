import { base32 } from '../identifier.ts'
import type { RandomBytes } from '../keys/seal.ts'
import type { Kind } from '../kinds/kind.ts'

/** A record's public name: a kind's prefix and 128 random bits. Never derived from the data. */
export type Token = string & { readonly __brand: 'Token' }

const TOKEN = /^(card|addr|cont)_[0-7][0-9abcdefghjkmnpqrstvwxyz]{25}$/

const KIND_NAMES = { card: 'card', addr: 'address', cont: 'contact' } as const

export function newToken(kind: Kind, randomBytes: RandomBytes): Token {
  return `${kind.tokenPrefix}_${base32(randomBytes(16))}` as Token
}

/** Undefined for what cannot be a token; the caller treats it like one that does not exist. */
export function parseToken(text: string): Token | undefined {
  return TOKEN.test(text) ? (text as Token) : undefined
}

export function kindNameOf(token: Token): Kind['name'] {
  return KIND_NAMES[token.slice(0, 4) as keyof typeof KIND_NAMES]
}
