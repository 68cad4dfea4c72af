import { type CryptoKey, createLocalJWKSet, errors, type JWK, type LocalJWKSet } from 'jose'
import { z } from 'zod'
import { Problem } from '../../values/problem.ts'
import { type FetchDocument, FetchError } from './fetch-document.ts'

/** The keys are looked at again after this time, so that one that was withdrawn is not used for long. */
const REFRESH_AFTER_MS = 10 * 60 * 1000
/** During an outage of the provider the last keys are kept for this long. Then their tokens are refused. */
const KEEP_MS = 24 * 60 * 60 * 1000
/** The provider is asked at most this often, however many unknown keys tokens name. */
const COOLDOWN_MS = 30_000

/** OpenID Connect Discovery section 4.2: the document must name the very issuer that it was fetched for (section 4.3). */
const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https$/ }) })

/** RFC 7517 section 5. Each entry is judged on its own. */
const jwkSetSchema = z.object({ keys: z.array(z.unknown()) })

/** A header may fit several keys, by the same `kid` or none. This many are tried: each costs one verification. */
const MAX_CANDIDATES = 32

/**
 * Finds the keys that fit the `kid` and `alg` of a header, at least one.
 *
 * @throws {JWKSNoMatchingKey} if none fits, {Problem} issuer-unavailable while no keys are known
 */
export type IssuerKeys = (header: Readonly<Record<string, unknown>>) => Promise<readonly CryptoKey[]>

export interface IssuerKeysOptions {
  issuer: string
  /** The URL of the discovery document. Default: the issuer's well-known one. */
  discoveryUrl?: string | undefined
  fetchDocument: FetchDocument
  now: () => Date
  /** The keys could not be fetched, for a reason that holds nothing of an answer; known keys stay in use. */
  onUnreachable: (issuer: string, reason: string) => void
}

/**
 * The public keys of an issuer, found by discovery. They are fetched when they are first needed, when a token names one that
 * is not known, and when they are ten minutes old.
 */
export function createIssuerKeys(options: IssuerKeysOptions): IssuerKeys {
  const { issuer, discoveryUrl = wellKnownUrl(issuer), fetchDocument, now, onUnreachable } = options
  let known: { keys: LocalJWKSet; fetchedAt: number } | undefined
  let triedAt = Number.NEGATIVE_INFINITY
  let fetching: Promise<void> | undefined
  const age = (since: number) => now().getTime() - since

  async function fetchKeys(): Promise<void> {
    const metadata = discoverySchema.parse(await fetchDocument(discoveryUrl))
    if (metadata.issuer !== issuer) throw new FetchError('the discovery document is of another issuer')
    const { keys: entries } = jwkSetSchema.parse(await fetchDocument(metadata.jwks_uri))
    const keys = entries.filter(isUsable)
    if (entries.length > 0 && keys.length === 0) throw new FetchError('none of the published keys is usable')
    known = { keys: createLocalJWKSet({ keys }), fetchedAt: now().getTime() }
  }

  /** Never rejects. Calls that come while it runs wait for the same answer. */
  function refresh(): Promise<void> {
    if (fetching === undefined) {
      triedAt = now().getTime()
      fetching = fetchKeys()
        .catch((error: unknown) => onUnreachable(issuer, reasonOf(error)))
        .finally(() => {
          fetching = undefined
        })
    }
    return fetching
  }

  const mayTry = () => fetching !== undefined || age(triedAt) >= COOLDOWN_MS

  return async (header) => {
    if (known !== undefined && age(known.fetchedAt) >= KEEP_MS) known = undefined
    if (known === undefined && mayTry()) await refresh()
    if (known === undefined) throw new Problem('issuer-unavailable')
    if (age(known.fetchedAt) >= REFRESH_AFTER_MS && mayTry()) void refresh()
    try {
      return await fitting(known.keys, header)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !mayTry()) throw error
      await refresh()
      return fitting(known.keys, header)
    }
  }
}

/** An entry that jose cannot even read would make the whole set unreadable; RFC 7517 section 5 has it ignored. */
function isUsable(entry: unknown): entry is JWK {
  try {
    createLocalJWKSet({ keys: [entry as JWK] })
    return true
  } catch {
    return false
  }
}

/** The keys of the set that fit the header and can be imported. @throws {JWKSNoMatchingKey} if there is none */
async function fitting(keys: LocalJWKSet, header: Parameters<IssuerKeys>[0]): Promise<CryptoKey[]> {
  const found: CryptoKey[] = []
  try {
    found.push(await keys(header))
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) {
      for await (const key of error) if (found.push(key) === MAX_CANDIDATES) break
    }
  }
  if (found.length === 0) throw new errors.JWKSNoMatchingKey()
  return found
}

/** OpenID Connect Discovery section 4: the path is appended to the issuer, without the issuer's last slash. */
function wellKnownUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
}

/** The messages of other people's errors may quote what was received. */
function reasonOf(error: unknown): string {
  if (error instanceof FetchError) return error.message
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.name) : 'unknown'
}
