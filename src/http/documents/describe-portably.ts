import type { CreateDocumentOptions } from 'zod-openapi'

type Override = NonNullable<CreateDocumentOptions['override']>

/** Zod gives these bounds to every integer. */
const SAFE = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]

/** What only JavaScript reads: classes of Unicode. Go has no lookaheads either. */
const OF_JAVASCRIPT = /\\[pP]\{|\(\?[=!<]/

/**
 * Makes a description of a schema that readers in other languages understand, and that stays true when the vault learns
 * more: answers may have further members.
 */
export const describePortably: Override = ({ jsonSchema: schema, zodSchema, io }) => {
  if (schema.minimum === SAFE[0]) delete schema.minimum
  if (schema.maximum === SAFE[1]) delete schema.maximum
  // Java has no constants of the type `number`.
  if (Number.isInteger(schema.const)) schema.type = 'integer'
  // A format says it already.
  if (schema.pattern !== undefined && (schema.format !== undefined || OF_JAVASCRIPT.test(schema.pattern)))
    delete schema.pattern
  // `null` beside a type is one of its types.
  const [one, none, ...others] = (schema.anyOf ?? []) as (typeof schema)[]
  if (typeof one?.type === 'string' && none?.type === 'null' && others.length === 0) {
    delete schema.anyOf
    Object.assign(schema, one, { type: [one.type, 'null'] })
  }
  // Several patterns of one text: the first is its form.
  if (schema.type === 'string' && schema.allOf !== undefined) {
    const [first] = schema.allOf as { pattern?: string }[]
    delete schema.allOf
    if (first?.pattern !== undefined && !OF_JAVASCRIPT.test(first.pattern)) schema.pattern = first.pattern
  }
  // Of a map they are its members.
  if (io === 'output' && schema.type === 'object' && schema.properties !== undefined) delete schema.additionalProperties
  const { def } = zodSchema._zod
  // An empty text is taken for a member that was left out.
  if (def.type === 'pipe' && 'in' in def && (def.in as typeof zodSchema)._zod.def.type === 'transform')
    delete schema.minLength
}
