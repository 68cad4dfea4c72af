import type { IndexPurpose } from '../../keys/key/key.ts'
import { keyedHash } from '../../keys/key/keyed-hash.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { paddedLengthOf } from '../../keys/sealing/seal.ts'
import type { SealContext, Sealed } from '../../keys/sealing/seal-context.ts'
import type { PlainValue } from '../../keys/sealing/sealing-thread.ts'
import type { Details, Display } from '../../kinds/kind.ts'
import type { Kind, Kinds, SearchTerm, SearchType } from '../../kinds/kinds.ts'
import type { KeptAgreements } from '../../policies/agreement.ts'
import { Problem } from '../../values/problem.ts'
import type { Sensitive } from '../../values/sensitive.ts'
import {
  customerTerm,
  keptPartContext,
  type OpenRecord,
  partContext,
  type RecordPart,
  type RecordTerm,
  type StoredRecord,
  type TermHash,
} from './record.ts'
import { indexPurposeOf, keysOfTerms } from './term-keys.ts'
import { termMac } from './term-mac.ts'
import type { Token } from './token.ts'

/** What the display part holds beside the kind's own: whose record it is, what an address is used for, and how consents came. */
export interface RecordDisplay extends KeptAgreements {
  customer?: string | undefined
  use?: string | undefined
  shown: Display
}

/** The details of a record, divided for sealing. It holds the plaintext of both parts until they are sealed. */
export interface PlainParts {
  display: PlainValue
  secret: PlainValue
  terms: RecordTerm[]
  /** What the display part holds. */
  shown: RecordDisplay
}

export interface SealedParts extends Omit<PlainParts, 'display' | 'secret'> {
  display: Sealed
  secret: Sealed
}

/**
 * Divides the details of a record into its two parts and hashes the terms it can be found by.
 *
 * @param content the parts of one checkout share the hash of their customer, `customerTerms`
 */
export function divideRecord(
  keys: Keys,
  kind: Kind,
  record: OpenRecord,
  content: {
    details: Sensitive<Details>
    customer?: string | undefined
    customerTerms?: readonly TermHash[]
    use?: string | undefined
  } & KeptAgreements,
): PlainParts {
  const details = content.details.expose()
  const { customer, use, via, agreed } = content
  const { site } = record
  const customerTerms = content.customerTerms ?? hashTerms(keys, site, customerTerm(customer))
  // Made once: both parts are bound to the same facts.
  const context = partContext(record, 'display')
  const shown: RecordDisplay = { customer, use, via, agreed, shown: kind.display(details) }
  return {
    display: plainValue('display', kind, context, shown),
    secret: plainValue('secret', kind, context, details),
    terms: bindTerms(keys, record, [...customerTerms, ...hashTerms(keys, site, kind.terms(details))]),
    shown,
  }
}

/** Seals the details of a record into its two parts and hashes its terms, all at once. */
export function sealRecord(...record: Parameters<typeof divideRecord>): SealedParts {
  const [keys] = record
  const { display, secret, ...rest } = divideRecord(...record)
  return { ...rest, display: sealAndWipe(keys, display), secret: sealAndWipe(keys, secret) }
}

/** The hashes under which new records are found by these terms. A term counts as one use of the key, its MAC included. */
export function hashTerms(keys: Keys, site: string, terms: readonly SearchTerm[]): TermHash[] {
  const counts = new Map<IndexPurpose, number>()
  for (const { type } of terms) counts.set(indexPurposeOf(type), (counts.get(indexPurposeOf(type)) ?? 0) + 1)
  const keyOf = new Map([...counts].map(([purpose, count]) => [purpose, keys.active(purpose, count)]))
  return terms.map(({ type, value }) => {
    const key = keyOf.get(indexPurposeOf(type))!
    return { type, hash: keyedHash(key, 'search', [site, type, value]), keyId: key.id }
  })
}

/** Binds terms, each under the key that hashed it, to the version of the record that they lead to. */
export function bindTerms(
  keys: Keys,
  record: Pick<StoredRecord, 'site' | 'token' | 'version'>,
  terms: readonly TermHash[],
): RecordTerm[] {
  return terms.map((term) => ({ ...term, mac: termMac(keys.ring.find(term.keyId)!, term, record) }))
}

/** What is needed of a record to open one part of it. */
type SealedPart<Part extends RecordPart> = OpenRecord & Pick<StoredRecord, Part>

/** Opens the display part only. @throws {Problem} record-integrity */
export async function openDisplay(keys: Pick<Keys, 'open'>, record: SealedPart<'display'>): Promise<RecordDisplay> {
  return openJson<RecordDisplay>(keys, record.display, partContext(record, 'display'))
}

/** Opens the secret part. @throws {Problem} record-integrity */
export async function openDetails(keys: Keys, record: SealedPart<'secret'>): Promise<Details> {
  return openJson<Details>(keys, record.secret, partContext(record, 'secret'))
}

/**
 * A version as it is kept after its replacement at that time: both parts opened in their place, and sealed under the
 * active keys for their place among the versions. They open there, and not in the place of the record again.
 *
 * @throws {Problem} record-integrity, and as `Keys.active`
 */
export async function keptVersion(keys: Keys, record: StoredRecord, replacedAt: Date): Promise<StoredRecord> {
  const [display, secret] = await Promise.all([
    keepPart(keys, record, 'display', replacedAt),
    keepPart(keys, record, 'secret', replacedAt),
  ])
  return { ...record, display, secret }
}

async function keepPart(keys: Keys, record: StoredRecord, part: RecordPart, replacedAt: Date): Promise<Sealed> {
  const sealed = record[part]
  const plaintext = await keys.open(sealed, partContext(record, part))
  const context = keptPartContext(record, part, replacedAt)
  return sealAndWipe(keys, { purpose: part, context, plaintext, padToBytes: paddedLengthOf(sealed.bytes) })
}

/**
 * The bytes of a token after the prefix of another kind are no token: if the record is what its row says, there is none
 * of that token. If it does not open, the row was changed outside the vault.
 *
 * @param record as it was looked up by the bytes
 * @throws {Problem} record-not-found, record-integrity
 */
export async function requireOwnToken(
  keys: Keys,
  record: OpenRecord & { sealed: Sealed },
  part: RecordPart,
  token: Token,
): Promise<void> {
  if (record.token === token) return
  const plaintext = await keys.open(record.sealed, partContext(record, part))
  plaintext.fill(0)
  throw new Problem('record-not-found')
}

/** The hashes that a value may be stored under: one for each key that may have terms of its type. */
export function searchHashes(keys: Keys, site: string, type: SearchType, value: string): TermHash[] {
  return keysOfTerms(keys, type).map((key) => ({
    type,
    hash: keyedHash(key, 'search', [site, type, value]),
    keyId: key.id,
  }))
}

/** The masked view of a record, as every answer shows it. */
export function maskedView(kinds: Kinds, record: OpenRecord, display: RecordDisplay, options: { bin: boolean }) {
  const { token, kind, version, policyVersion, createdAt, updatedAt } = record
  const created = createdAt.toISOString()
  return {
    token: token as string,
    kind,
    ...(display.use === undefined ? {} : { use: display.use }),
    ...kinds[kind].mask(display.shown, options),
    ...(display.customer === undefined ? {} : { customer: display.customer }),
    ...(policyVersion === undefined ? {} : { policy_version: policyVersion }),
    version,
    created_at: created,
    updated_at: updatedAt === createdAt ? created : updatedAt.toISOString(),
  }
}

function plainValue(part: RecordPart, kind: Kind, place: SealContext, value: unknown): PlainValue {
  const plaintext = Buffer.from(JSON.stringify(value), 'utf8')
  return { purpose: part, context: { ...place, part }, plaintext, padToBytes: kind.padToBytes }
}

function sealAndWipe(keys: Keys, { purpose, context, plaintext, padToBytes }: PlainValue): Sealed {
  const sealed = keys.seal(purpose, context, plaintext, padToBytes)
  plaintext.fill(0)
  return sealed
}

async function openJson<T>(keys: Pick<Keys, 'open'>, sealed: Sealed, context: Parameters<Keys['open']>[1]): Promise<T> {
  const bytes = await keys.open(sealed, context)
  const value = JSON.parse(bytes.toString('utf8')) as T
  bytes.fill(0)
  return value
}
