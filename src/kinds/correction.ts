import { z } from 'zod'
import { issue } from '../values/parse-input.ts'
import type { Correction, Details } from './kind.ts'

type Members = Readonly<Record<string, z.ZodType<string | number>>>

/** The schema of a correction: some of the members, `null` to remove one that is optional. */
export function correctionSchema(required: Members, optional: Members): z.ZodType<Correction> {
  const shape: Record<string, z.ZodType<Correction[string]>> = {}
  for (const [name, schema] of Object.entries(required)) shape[name] = schema.optional()
  for (const [name, schema] of Object.entries(optional)) shape[name] = schema.nullish()
  return z.strictObject(shape).refine((correction) => Object.keys(correction).length > 0, {
    ...issue('invalid-input', 'expected a member to correct'),
    when: ifNothingElse,
  })
}

/** The condition of a check that would only repeat what is already wrong. */
export function ifNothingElse({ issues }: z.core.ParsePayload): boolean {
  return issues.length === 0
}

/** The details with the correction's members in place of theirs and without those that it sets to `null`. */
export function merge(details: Details, correction: Correction): Record<string, string | number> {
  const merged = Object.entries({ ...details, ...correction })
  return Object.fromEntries(merged.filter((entry): entry is [string, string | number] => entry[1] != null))
}
