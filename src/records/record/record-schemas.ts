import { z } from 'zod'
import type { KindDefinition } from '../../kinds/kind.ts'
import { byName, type KindName, kindNames, tokenPrefixes } from '../../kinds/registry.ts'
import { schemaName } from '../../kinds/schema-name.ts'
import { RANDOM_NAME } from '../../values/identifier.ts'
import { knownValues } from '../../values/known-values.ts'

const timestamp = z.iso.datetime().meta({ examples: ['2026-11-24T10:00:00.000Z'] })

/** What every masked view has beside the members of its kind. */
const ofEveryRecord = {
  customer: z
    .string()
    .optional()
    .meta({ description: "The shop's own reference for the shopper", examples: ['cus_1042'] }),
  policy_version: z
    .string()
    .optional()
    .meta({ description: 'The version of the privacy policy that the shopper was shown', examples: ['2026-11-01'] }),
  version: z
    .int()
    .min(1)
    .meta({ description: 'Grows with each correction', examples: [1] }),
  created_at: timestamp.describe('When the record was stored'),
  updated_at: timestamp.describe('When it was last corrected'),
}

/** The masked view of each kind. */
export const maskedSchemas = byName(({ name, tokenPrefix, checkout, answers }) => {
  const uses = [...new Set(Object.values(checkout).flatMap(({ use }) => use ?? []))]
  return z
    .object({
      token: tokenSchema(tokenPrefix),
      kind: z.literal(name),
      ...(uses.length === 0 ? {} : { use: knownValues(uses).optional().describe('What it is used for') }),
      ...answers.masked.shape,
      ...ofEveryRecord,
    })
    .meta({ id: schemaName(name, 'Masked*'), description: `The masked view of a record of the kind \`${name}\`` })
})

/** The same after a correction, with those who were given an old value. */
const correctedSchemas = byName((kind) =>
  maskedSchemas[kind.name as KindName]
    .extend({
      disclosed_to: z
        .array(
          z.object({
            partner: z.string().describe('The id of the partner'),
            name: z.string(),
            country: z.string().describe('ISO 3166-1 alpha-2'),
          }),
        )
        .optional()
        .describe('The partners that were given an old value within a year; a notice to each is queued'),
    })
    .meta({ id: schemaName(kind.name, 'Corrected*'), description: `A corrected record of the kind \`${kind.name}\`` }),
)

export const correctedRecordSchema = ofKind(correctedSchemas).meta({
  id: 'CorrectedRecord',
  description: 'The masked view of a record after its correction; `kind` says of which kind',
})

/** Any of them. */
export const maskedRecordSchema = ofKind(maskedSchemas).meta({
  id: 'MaskedRecord',
  description: 'The masked view of a record; `kind` says of which kind',
})

const damagedSchema = z
  .object({ token: z.string(), kind: z.string(), code: knownValues(['record-integrity']) })
  .meta({ id: 'DamagedRecord', description: 'A record that does not open, with the code of the problem' })

/** What a search finds. */
export const foundRecordSchema = z.union([...Object.values(maskedSchemas), damagedSchema]).meta({
  id: 'FoundRecord',
  description: 'The masked view of a record, or the code of the problem with it',
})

/** What a reveal of each kind releases. */
const releaseSchemas = byName(releaseOf)

export const releaseSchema = ofKind(releaseSchemas).meta({
  id: 'Release',
  description: 'What a reveal released; `kind` says of which kind of record',
})

/** The same as one result of several. */
export const releaseResultSchemas = kindNames.map((kind) =>
  z
    .object({ status: z.literal(200), ...releaseSchemas[kind].shape })
    .meta({ id: schemaName(kind, '*ReleaseResult'), description: 'The release of one of several records' }),
)

function releaseOf({ name, tokenPrefix, answers }: KindDefinition) {
  const data = z.object(answers.revealed.shape).meta({
    id: schemaName(name, 'Revealed*'),
    description: `The granted fields that a record of the kind \`${name}\` has, and no others`,
  })
  return z
    .object({
      token: tokenSchema(tokenPrefix),
      kind: z.literal(name),
      data,
      event: z.string().describe('The id of the audit event that records the release'),
    })
    .meta({
      id: schemaName(name, '*Release'),
      description: `What a reveal of a record of the kind \`${name}\` released`,
    })
}

function tokenSchema(prefix: string) {
  return z
    .string()
    .regex(new RegExp(`^${prefix}_${RANDOM_NAME}$`))
    .meta({ description: 'The token of the record', examples: [exampleOf(prefix)] })
}

/** One of several objects, told apart by their `kind`. */
function ofKind(schemas: Readonly<Record<KindName, z.ZodObject>>) {
  return z.discriminatedUnion('kind', Object.values(schemas) as unknown as [z.core.$ZodTypeDiscriminable])
}

/** Of an address, which several roles may see. */
export const exampleToken = exampleOf(tokenPrefixes.address)

export const exampleCardToken = exampleOf(tokenPrefixes.card)

function exampleOf(prefix: string): string {
  return `${prefix}_3v8m2q7x0k5n1r6t9w4y2b8d3f`
}

/** In the path of a call. What is no token is answered as one of no record. */
export const tokenParameter = z.string().meta({ description: 'The token of a record', examples: [exampleToken] })
