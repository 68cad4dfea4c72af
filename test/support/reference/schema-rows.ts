import { code, sentence } from './markdown.ts'

/** The part of JSON Schema that the schemas of the API use. */
export interface JsonSchema {
  /** The name of a schema that was referred to. */
  title?: string
  type?: string | readonly string[]
  description?: string
  enum?: readonly unknown[]
  const?: unknown
  default?: unknown
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  properties?: Readonly<Record<string, JsonSchema>>
  required?: readonly string[]
  items?: JsonSchema
  anyOf?: readonly JsonSchema[]
  oneOf?: readonly JsonSchema[]
}

/** One row for each member, and below it those inside; `[]` represents an element of a list. */
export function memberRows(schema: JsonSchema, prefix = ''): string[][] {
  const members = Object.entries(schema.properties ?? {})
  return members.flatMap(([name, member], at) => {
    const path = `${prefix}${name}`
    const twin = members.slice(0, at).find(([, other]) => isObject(other) && sameSchema(other, member))
    const row = [code(path), typeOf(member), schema.required?.includes(name) ? 'yes' : '', textOf(member)]
    if (twin) return [[...row.slice(0, 3), `The same members as ${code(prefix + twin[0])}.`]]
    const inner = member.type === 'array' ? `${path}[].` : `${path}.`
    return [row, ...(member.anyOf ?? [member]).flatMap((one) => elementRows(one.items ?? one, inner))]
  })
}

/** Of elements that are texts or objects, such as a name alone or with its details, also the members of the objects. */
function elementRows(schema: JsonSchema, inner: string): string[][] {
  const alternatives = schema.anyOf?.some(({ type }) => type === 'string') ? schema.anyOf : [schema]
  return alternatives.flatMap((one) => memberRows(one, inner))
}

function isObject({ type, properties }: JsonSchema): boolean {
  return type === 'object' && Object.keys(properties ?? {}).length > 1
}

function sameSchema(one: JsonSchema, other: JsonSchema): boolean {
  return JSON.stringify(one.properties) === JSON.stringify(other.properties)
}

/** What a value must be, in a few words. */
export function typeOf(schema: JsonSchema): string {
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(' or ')
  if (Array.isArray(schema.type)) return schema.type.join(' or ')
  if (schema.const !== undefined) return code(JSON.stringify(schema.const))
  if (schema.enum) {
    const names = schema.enum.map(String)
    if (names.includes('process-payment')) return '[purpose](#purposes)'
    return names.includes('record.tokenize') ? '[type](audit-events.md#types)' : names.map(code).join(', ')
  }
  if (schema.type === 'array') return `list of ${schema.items ? typeOf(schema.items) : 'any'}${lengthOf(schema)}`
  const { minimum, maximum } = schema
  const isRange = minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
  const range = isRange ? ` from ${minimum} to ${maximum}` : ''
  return `${schema.type ?? 'any'}${range}${lengthOf(schema)}`
}

function lengthOf({ maxLength, maxItems }: JsonSchema): string {
  if (maxLength !== undefined) return `, up to ${maxLength} characters`
  return maxItems === undefined ? '' : `, up to ${maxItems}`
}

function textOf({ description, default: initial }: JsonSchema): string {
  const text = description === undefined ? '' : sentence(description)
  return initial === undefined ? text : `${text} Default: ${code(JSON.stringify(initial))}.`.trim()
}
