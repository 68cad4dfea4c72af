/** What stands beside the body of an event in its row, and repeats it. */
export interface EventColumns {
  id: string
  occurredAt: Date
  type: string
  caller: string | null
  token: string | null
  site: string | null
}

/** The members of a body; undefined when it is no JSON object. */
export function membersOf(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The names of the columns that do not repeat what the members of the body say. A time in the database may be infinite. */
export function differingColumns(columns: EventColumns, members: Record<string, unknown>): string[] {
  const { id, at, type, caller, token, site } = members
  const said: readonly [name: string, column: unknown, member: unknown][] = [
    ['id', columns.id, id],
    ['occurred_at', Number(columns.occurredAt), typeof at === 'string' ? Date.parse(at) : Number.NaN],
    ['type', columns.type, type],
    ['caller', columns.caller, isObject(caller) ? caller.id : null],
    ['token', columns.token, token ?? null],
    ['site', columns.site, site ?? null],
  ]
  return said.filter(([, column, member]) => column !== member).map(([name]) => name)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
