import { hash } from 'node:crypto'
import { z } from 'zod'
import { needsConsent, type Purpose } from '../access/policy/purpose.ts'
import { parseJson } from '../http/json.ts'
import { slug } from '../kinds/clear-value.ts'
import { kindNames } from '../kinds/registry.ts'
import { issue, parseFile } from '../values/parse-input.ts'
import { Problem } from '../values/problem.ts'
import {
  legalBases,
  type NotifiedPurpose,
  notifiedPurposes,
  type Policy,
  RECEIPT_KEYS,
  SETTLEMENT_DAYS,
  STORE_CARD,
} from './policy.ts'

/** A file longer than this is a book. */
const MAX_CHARACTERS = 200_000
const MAX_RECIPIENTS = 60
/** A hundred years. */
const MAX_DAYS = 36_525

const line = z.string().min(1).max(300)
const days = z.int().min(1).max(MAX_DAYS)
const kind = z.enum(kindNames)
const recipientName = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/)
const country = z.string().refine(isCountry, issue('invalid-input', 'expected an ISO 3166-1 alpha-2 code in capitals'))
const language = z.string().refine(isLanguage, issue('invalid-input', 'expected a BCP 47 language tag'))
const distinct = <Item extends z.ZodType>(item: Item) =>
  z.array(item).refine((items) => new Set(items).size === items.length, issue('invalid-input', 'names one twice'))

const purpose = z
  .strictObject({
    legal_basis: z.enum(legalBases),
    consent: z.literal(true).optional(),
    data: distinct(kind).min(1),
    recipients: distinct(recipientName).max(MAX_RECIPIENTS),
    retention_days: z.partialRecord(kind, days),
    description: z.string().min(1).max(2_000).optional(),
  })
  .superRefine(({ legal_basis, consent, data, retention_days }, context) => {
    if (legal_basis === 'consent' && !consent) fault(context, ['consent'], 'expected true: consent is the legal basis')
    for (const one of data) {
      if (retention_days[one] === undefined) fault(context, ['retention_days'], `expected the days of a ${one}`)
    }
    for (const one of kindNames.filter((name) => retention_days[name] !== undefined && !data.includes(name))) {
      fault(context, ['retention_days', one], 'is not among the data of this purpose')
    }
  })

const policy = z
  .strictObject({
    format: z.literal(1),
    version: slug.refine((name) => name !== RECEIPT_KEYS, issue('invalid-input', 'is no name of a version')),
    title: line,
    controller: z.strictObject({ name: line, contact: line, country }),
    language: language.optional(),
    data: z.partialRecord(kind, z.string().min(1).max(2_000)),
    purposes: z.partialRecord(z.enum(notifiedPurposes as [NotifiedPurpose, ...NotifiedPurpose[]]), purpose),
    recipients: z
      .record(recipientName, z.strictObject({ description: line, countries: distinct(country).min(1).max(250) }))
      .refine((value) => Object.keys(value).length <= MAX_RECIPIENTS, issue('invalid-input', 'has too many members')),
    settlement_days: days.optional(),
  })
  .superRefine(checkNames)

/** A policy file: its two parts, and the hash that its version is known by. */
export interface PolicyFile {
  policy: Policy & { settlement_days: number }
  /** For people, in Markdown. */
  text: string
  sha256: string
}

/**
 * Parses a policy file: Markdown whose front matter, between two lines of dashes, is JSON. Nothing in that is passed over.
 *
 * @throws {Problem} invalid-input, unknown-member, card-number-in-text, with a pointer for each fault
 */
export function parsePolicyFile(file: string): PolicyFile {
  const { front, text } = divide(file)
  const parsed = parseFile(policy, parseFront(front))
  return {
    policy: { ...parsed, settlement_days: parsed.settlement_days ?? SETTLEMENT_DAYS },
    text,
    sha256: hash('sha256', file, 'hex'),
  }
}

/** Some editors put a byte order mark before the text. */
const FRONT_MATTER = /^\ufeff?---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n(.*))?$/s

function divide(file: string): { front: string; text: string } {
  if (file.length > MAX_CHARACTERS) throw invalid(`is longer than ${MAX_CHARACTERS} characters`)
  if (!file.isWellFormed() || file.includes('\0')) throw invalid('is not well-formed text')
  const [, front, text = ''] = FRONT_MATTER.exec(file) ?? []
  if (front === undefined) throw invalid('expected JSON between two lines of three dashes, and Markdown after them')
  if (text.trim() === '') throw invalid('expected a text for people after the second line of dashes')
  return { front, text }
}

function parseFront(front: string): unknown {
  try {
    return parseJson(front)
  } catch (error) {
    if (!(error instanceof Problem) || error.errors.length > 0) throw error
    throw invalid('what is between the lines of dashes is not well-formed JSON')
  }
}

function invalid(detail: string): Problem {
  return new Problem('invalid-input', { errors: [{ pointer: '#', detail }] })
}

type Context = z.core.$RefinementCtx

function fault(context: Context, path: PropertyKey[], detail: string): void {
  context.addIssue({ code: 'custom', ...issue('invalid-input', detail, path) })
}

function checkNames({ data, purposes: named, recipients }: Policy, context: Context): void {
  const entries = Object.entries(named)
  if (entries.length === 0) fault(context, ['purposes'], 'expected at least one')
  for (const [name, of] of entries) {
    const path = ['purposes', name]
    const isSaid = of.consent || of.legal_basis === 'consent'
    if (name !== STORE_CARD && needsConsent(name as Purpose) && !isSaid) {
      fault(context, [...path, 'consent'], 'expected true: the vault releases nothing for this purpose without it')
    }
    if (name === STORE_CARD && (!of.consent || of.data.some((one) => one !== 'card'))) {
      fault(context, path, 'expected a consent, and the card as its data')
    }
    for (const [at, one] of of.data.entries()) {
      if (data[one] === undefined) fault(context, [...path, 'data', at], 'is not among the data of the policy')
    }
    for (const [at, recipient] of of.recipients.entries()) {
      if (!Object.hasOwn(recipients, recipient)) {
        fault(context, [...path, 'recipients', at], 'is not among the recipients of the policy')
      }
    }
  }
}

function isCountry(code: string): boolean {
  return /^[A-Z]{2}$/.test(code) && code !== 'ZZ' && COUNTRIES.of(code) !== undefined
}

const COUNTRIES = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' })

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}
