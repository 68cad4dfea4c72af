/** What all JWTs that callers sign have in common: client assertions (RFC 7523) and DPoP proofs (RFC 9449). */

/**
 * The algorithms that callers may sign with (RFC 8725 section 3.1): asymmetric, and one per type of key. `Ed25519` is the
 * full name of what most libraries still call `EdDSA` (RFC 9864).
 */
export const STATEMENT_ALGORITHMS = ['ES256', 'EdDSA', 'Ed25519', 'PS256']

/** After its end a statement is good for so much longer: clocks differ a little. */
export const CLOCK_TOLERANCE_SECONDS = 5
/**
 * How far the clocks of callers and providers may be ahead of the vault's, in `iat` and in `nbf`. Half a minute is
 * common on machines without time synchronisation, and must pass; a minute is an error. The middle leaves room for
 * rounding.
 */
export const MAX_AHEAD_SECONDS = 45
/** A jti is kept as a hash, but it has to be read first. */
export const MAX_JTI_LENGTH = 256

const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/**
 * Whether the text is three base64url parts and nothing else, each the one spelling of its bytes (RFC 4648 section 3.5):
 * jose's decoder would also take padding, white space, the other alphabet and left-over bits.
 */
export function isCompactJws(text: string, maxLength: number): boolean {
  return (
    text.length <= maxLength &&
    COMPACT_JWS.test(text) &&
    text.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)
  )
}

/**
 * Whether a statement is over, by its `exp` and our clock. jose has one tolerance for every time, which must be
 * `MAX_AHEAD_SECONDS` for the times of the beginning; the end is compared here.
 */
export function hasEnded(exp: number | undefined, now: Date): boolean {
  return exp !== undefined && exp <= secondsOf(now) - CLOCK_TOLERANCE_SECONDS
}

/** Seconds since 1970, as JWTs count them (RFC 7519 section 2, NumericDate). */
export function secondsOf(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}
