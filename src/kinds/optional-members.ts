import { z } from 'zod'

/**
 * Members that may be left out. A web form sends what was not filled in as an empty string, and many a client sends
 * `null`: both are the same as leaving it out, and no reason to lose a sale.
 */
export function optionalMembers<Shape extends Record<string, z.ZodType>>(shape: Shape) {
  const members = Object.entries(shape).map(([name, schema]) => [name, blankAsAbsent(schema)])
  return Object.fromEntries(members) as { [Name in keyof Shape]: z.ZodOptional<Shape[Name]> }
}

function blankAsAbsent(schema: z.ZodType) {
  return z.preprocess((value) => (value === '' || value === null ? undefined : value), schema.optional()).optional()
}
