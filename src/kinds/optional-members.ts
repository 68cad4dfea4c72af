import { z } from 'zod'

const BLANK = /^[\s\p{Default_Ignorable_Code_Point}]*$/u

/**
 * Members that may be left out. A web form sends what was not filled in as an empty string or a space, and some clients
 * send `null`: all are the same as leaving it out.
 */
export function optionalMembers<Shape extends Record<string, z.ZodType>>(shape: Shape) {
  const members = Object.entries(shape).map(([name, schema]) => [name, blankAsAbsent(schema)])
  return Object.fromEntries(members) as { [Name in keyof Shape]: z.ZodOptional<Shape[Name]> }
}

function blankAsAbsent(schema: z.ZodType) {
  return z
    .preprocess(
      (value) => (value === null || (typeof value === 'string' && BLANK.test(value)) ? undefined : value),
      schema.optional(),
    )
    .optional()
}
