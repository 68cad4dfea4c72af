import type { KindName } from '../../kinds/registry.ts'
import type { Purpose } from './purpose.ts'
import { builtInRoles, type Denial, FORWARD, isRoleName, namesOf, type Role, type RoleName } from './roles.ts'

/** What a role comes to when all conditions are met: its purposes, and per kind the fields that it may see for some of them. */
export interface RoleSummary extends Pick<Role, 'duty' | 'scopes'> {
  purposes: readonly Purpose[]
  reveals: Partial<Record<KindName, readonly string[]>>
  /** Whether it may forward a card for some of them. */
  forwards?: true
  /** Whether a masked card also shows its first six digits. */
  bin?: true
}

export function summarise({ duty, scopes, grants, denials = [], changes = [], masked_card }: Role): RoleSummary {
  const reveals: Partial<Record<KindName, readonly string[]>> = {}
  for (const grant of grants) {
    const shown = namesOf(grant).filter((name) => !denials.some((denial) => deniesAlways(denial, grant.kind, name)))
    if (shown.length > 0) reveals[grant.kind] = [...new Set([...(reveals[grant.kind] ?? []), ...shown])]
  }
  const purposes = [...new Set([...grants, ...changes].flatMap((line) => line.purposes ?? []))]
  const forwards = grants.some(({ view }) => view === FORWARD) ? ({ forwards: true } as const) : {}
  return { duty, scopes, purposes, reveals, ...forwards, ...(masked_card ? { bin: true } : {}) }
}

/** The summary of a built-in role. */
export function roleOf(name: RoleName): RoleSummary {
  const role = builtInRoles[name]
  if (role === undefined || !isRoleName(name)) throw new Error('there is no such built-in role')
  return summarise(role)
}

function deniesAlways(denial: Denial, kind: KindName, name: string): boolean {
  return denial.kind === kind && denial.purposes === undefined && (denial.fields?.includes(name) ?? true)
}
