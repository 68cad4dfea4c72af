/** A text of the file, or the secret of that name. */
export type Text = string | { $secret: string }

/** What a claim of a JWT says of the request, beside fixed texts. */
export const requestFacts = [
  'method',
  'lowercase-method',
  'host',
  'path',
  'url',
  'body-sha256-base64',
  'body-sha256-base64url',
  'body-sha256-hex',
  'issued-at',
  'expires-at',
  'id',
] as const
export type RequestFact = (typeof requestFacts)[number]

/** What an HMAC is over, one after the other: facts about the request, or a fixed text. */
export const signedParts = ['method', 'host', 'path', 'timestamp', 'body', 'body-sha256-hex'] as const
export type SignedPart = (typeof signedParts)[number] | { text: string }

/** Who signs: a secret of that name, or the vault with its own key, whose public half it publishes. */
type SigningKey = { secret: string; key_id: Text } | { key: 'vault' }

interface Basic {
  with: 'basic'
  username: Text
  /** Left out for an empty password. */
  password?: Text | undefined
}

interface Bearer {
  with: 'bearer'
  secret: string
}

interface InHeader {
  with: 'header'
  header: string
  secret: string
  prefix?: string | undefined
}

export interface Hmac {
  with: 'hmac'
  secret: string
  /** How the key is written in the secret. */
  key_encoding?: 'utf8' | 'hex' | 'base64' | undefined
  algorithm: 'sha256' | 'sha384' | 'sha512'
  header: string
  encoding: 'hex' | 'base64'
  /** In front of the signature. */
  prefix?: string | undefined
  /** The body alone when it is left out. */
  over?: readonly SignedPart[] | undefined
  /** Where the time is sent that the signature covers: seconds since 1970. */
  timestamp_header?: string | undefined
}

export const messageAlgorithms = ['ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512', 'hmac-sha256'] as const
export type MessageAlgorithm = (typeof messageAlgorithms)[number]

/** RFC 9421, with the digest of the body (RFC 9530). */
export type MessageSignature = {
  with: 'message-signature'
  /** Of a key in a secret: PEM (PKCS #8), or base64 for `hmac-sha256`. The vault's own key is Ed25519. */
  algorithm?: MessageAlgorithm | undefined
  components?: readonly string[] | undefined
  label?: string | undefined
  tag?: string | undefined
  expires_seconds?: number | undefined
} & SigningKey

export const jwtAlgorithms = ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256', 'HS384', 'HS512'] as const
export type JwtAlgorithm = (typeof jwtAlgorithms)[number]
export type ClaimValue = string | number | boolean | { $secret: string } | { $request: RequestFact }

/** A JWT (RFC 7519) over the digest of the body. */
export type Jwt = {
  with: 'jwt'
  /** Of a key in a secret: PEM (PKCS #8), or for HS* bytes in `key_encoding`. The vault's own key is Ed25519. */
  algorithm?: JwtAlgorithm | undefined
  key_encoding?: 'utf8' | 'hex' | 'base64' | undefined
  header?: string | undefined
  prefix?: string | undefined
  /** Further members of the JOSE header. */
  protected?: Readonly<Record<string, Text>> | undefined
  claims: Readonly<Record<string, ClaimValue>>
  expires_seconds?: number | undefined
} & SigningKey

interface MutualTls {
  with: 'mutual-tls'
  /** The secrets with the certificate and its key, both in PEM. */
  certificate: string
  key: string
}

/** Proves to the destination who sends. Signers are done in their order, and see the headers before them. */
export type Signer = Basic | Bearer | InHeader | Hmac | MessageSignature | Jwt | MutualTls
