import { z } from 'zod'
import { revealScopeOf, revealScopes } from '../../access/policy/roles.ts'
import { optionalMembers } from '../../kinds/optional-members.ts'
import { kindNameOf, parseToken } from '../record/token.ts'
import type { Why } from '../why/why.ts'

const { break_glass, fields } = optionalMembers({
  break_glass: z.boolean().describe('release without waiting for an approval; it raises an alert'),
  fields: z.array(z.string().max(40)).min(1).max(20).describe('only these fields; default: all granted fields'),
})

export const revealFields = fields

/** Why records are asked for. */
export function revealWhy({ whyMembers }: Why) {
  return { ...whyMembers, break_glass }
}

/** The scope of the kind that the path names; any of them for a text that is no token. */
export function revealScopesFor({ token = '' }: Readonly<Record<string, string>>): readonly string[] {
  const parsed = parseToken(token)
  return parsed === undefined ? revealScopes : [revealScopeOf(kindNameOf(parsed))]
}
