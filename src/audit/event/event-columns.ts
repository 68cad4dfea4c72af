/** The columns of an event's row that repeat its body. */
export interface EventColumns {
  id: string
  type: string
  purpose: string | null
  caller: string | null
  token: string | null
  site: string | null
}

/** The members of a body; undefined when it is not a JSON object. */
export function membersOf(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The names of the columns that do not repeat what the members of the body say. */
export function differingColumns(columns: EventColumns, members: Record<string, unknown>): string[] {
  const { id, type, purpose, caller, token, site } = members
  const said: readonly [name: string, column: unknown, member: unknown][] = [
    ['id', columns.id, id],
    ['type', columns.type, type],
    ['purpose', columns.purpose, purpose ?? null],
    ['caller', columns.caller, isObject(caller) ? caller.id : null],
    ['token', columns.token, token ?? null],
    ['site', columns.site, site ?? null],
  ]
  return said.filter(([, column, member]) => column !== member).map(([name]) => name)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
