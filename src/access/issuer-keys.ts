import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import { Problem } from '../problem.ts'
import { type FetchDocument, FetchError } from './fetch-document.ts'

/** The keys are looked at again after this time, so that one that was withdrawn is not used for long. */
const REFRESH_AFTER_MS = 10 * 60 * 1000
/** Through an outage of the provider the last keys are kept for so long; then nobody is let in by them. */
const KEEP_MS = 24 * 60 * 60 * 1000
/** However many unknown keys are named, the provider is asked no more often than this. */
const COOLDOWN_MS = 30_000

/** OpenID Connect Discovery section 4.2: the document must name the very issuer that it was fetched for (section 4.3). */
const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https$/ }) })

export interface IssuerKeysOptions {
  issuer: string
  fetchDocument: FetchDocument
  now: () => Date
  /** The keys could not be fetched, for a reason that holds nothing of an answer; those that are known go on. */
  onUnreachable: (issuer: string, reason: string) => void
}

/**
 * The public keys of an issuer, found by discovery. They are fetched when they are first needed, when a token names one that
 * is not known, and when they are ten minutes old.
 *
 * @returns finds the key for a token's header. @throws {Problem} issuer-unavailable while no keys are known at all
 */
export function createIssuerKeys({ issuer, fetchDocument, now, onUnreachable }: IssuerKeysOptions): JWTVerifyGetKey {
  let known: { find: JWTVerifyGetKey; fetchedAt: number } | undefined
  let triedAt = Number.NEGATIVE_INFINITY
  let fetching: Promise<void> | undefined
  const age = (since: number) => now().getTime() - since

  async function fetchKeys(): Promise<void> {
    const metadata = discoverySchema.parse(await fetchDocument(discoveryUrl(issuer)))
    if (metadata.issuer !== issuer) throw new FetchError('the discovery document is of another issuer')
    const jwks = (await fetchDocument(metadata.jwks_uri)) as JSONWebKeySet
    known = { find: createLocalJWKSet(jwks), fetchedAt: now().getTime() }
  }

  /** Never rejects. Those who come while it runs wait for the same answer. */
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

  return async (header, token) => {
    if (known !== undefined && age(known.fetchedAt) >= KEEP_MS) known = undefined
    if (known === undefined && mayTry()) await refresh()
    if (known === undefined) throw new Problem('issuer-unavailable')
    if (age(known.fetchedAt) >= REFRESH_AFTER_MS && mayTry()) void refresh()
    try {
      return await known.find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !mayTry()) throw error
      await refresh()
      return known.find(header, token)
    }
  }
}

/** OpenID Connect Discovery section 4: the path is put behind the issuer, whose last slash goes. */
function discoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
}

/** The messages of other people's errors may quote what was received. */
function reasonOf(error: unknown): string {
  if (error instanceof FetchError) return error.message
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.name) : 'unknown'
}
