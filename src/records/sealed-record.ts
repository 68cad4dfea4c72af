import { keyedHash } from '../keys/keyed-hash.ts'
import type { Keys } from '../keys/keys.ts'
import type { Sealed } from '../keys/seal.ts'
import type { Details, Display, Kind, SearchType } from '../kinds/kind.ts'
import type { Kinds } from '../kinds/kinds.ts'
import type { Sensitive } from '../sensitive.ts'
import { customerTerm, partContext, type RecordPart, type StoredRecord, type TermHash } from './record.ts'

/** What the display part holds beside the kind's own: whose record it is, and what an address is used for. */
export interface RecordDisplay {
  customer?: string | undefined
  use?: string | undefined
  shown: Display
}

export interface SealedParts {
  display: Sealed
  secret: Sealed
  terms: TermHash[]
}

/**
 * Seals the details of a record into its two parts and hashes the terms it can be found by.
 * Holds plaintext: the JSON of both parts is wiped before it returns.
 */
export function sealRecord(
  keys: Keys,
  kind: Kind,
  identity: Pick<StoredRecord, 'token' | 'kind' | 'site' | 'version'>,
  content: { details: Sensitive<Details>; customer?: string | undefined; use?: string | undefined },
): SealedParts {
  const details = content.details.expose()
  const { customer, use } = content
  const display: RecordDisplay = { customer, use, shown: kind.display(details) }
  return {
    display: sealJson(keys, 'display', kind, identity, display),
    secret: sealJson(keys, 'secret', kind, identity, details),
    terms: hashTerms(keys, kind, identity.site, details, customer),
  }
}

/** What is needed of a record to open one part of it. */
type SealedPart<Part extends RecordPart> = Pick<StoredRecord, 'token' | 'kind' | 'site' | 'version' | Part>

/** Opens the display part only. @throws {Problem} record-integrity */
export async function openDisplay(keys: Keys, record: SealedPart<'display'>): Promise<RecordDisplay> {
  return openJson<RecordDisplay>(keys, record.display, partContext(record, 'display'))
}

/** Opens the secret part. @throws {Problem} record-integrity */
export async function openDetails(keys: Keys, record: SealedPart<'secret'>): Promise<Details> {
  return openJson<Details>(keys, record.secret, partContext(record, 'secret'))
}

/** The hashes a value may be stored under: one for each index key that exists. */
export function searchHashes(keys: Keys, site: string, type: SearchType, value: string): Buffer[] {
  return keys.ring.all('index').map((key) => keyedHash(key, 'search', [site, type, value]))
}

/** Everything a record can be found by, hashed under the active index key. */
export function hashTerms(
  keys: Keys,
  kind: Kind,
  site: string,
  details: Details,
  customer: string | undefined,
): TermHash[] {
  const terms = [...customerTerm(customer), ...kind.terms(details)]
  if (terms.length === 0) return []
  const key = keys.active('index', terms.length)
  return terms.map(({ type, value }) => ({
    hash: keyedHash(key, 'search', [site, type, value]),
    keyId: key.id,
  }))
}

/** The masked view of a record, as every answer shows it. */
export function maskedView(kinds: Kinds, record: StoredRecord, display: RecordDisplay, options: { bin: boolean }) {
  const { token, kind, version, policyVersion, createdAt, updatedAt } = record
  return {
    token: token as string,
    kind,
    ...(display.use === undefined ? {} : { use: display.use }),
    ...kinds[kind].mask(display.shown, options),
    ...(display.customer === undefined ? {} : { customer: display.customer }),
    ...(policyVersion === undefined ? {} : { policy_version: policyVersion }),
    version,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  }
}

function sealJson(
  keys: Keys,
  part: 'display' | 'secret',
  kind: Kind,
  identity: Pick<StoredRecord, 'token' | 'kind' | 'site' | 'version'>,
  value: unknown,
): Sealed {
  const bytes = Buffer.from(JSON.stringify(value), 'utf8')
  const sealed = keys.seal(part, partContext(identity, part), bytes, kind.padToBytes)
  bytes.fill(0)
  return sealed
}

async function openJson<T>(keys: Keys, sealed: Sealed, context: Parameters<Keys['open']>[1]): Promise<T> {
  const bytes = await keys.open(sealed, context)
  const value = JSON.parse(bytes.toString('utf8')) as T
  bytes.fill(0)
  return value
}
