import { z } from 'zod'
import { kindsUsedFor, recordUses } from '../../kinds/checkout-parts.ts'
import { kindNames } from '../../kinds/registry.ts'
import { issue, parseFile } from '../../values/parse-input.ts'
import { purposes } from './purpose.ts'
import type { RoleFile } from './role-set.ts'
import {
  type ChangeRule,
  changeScopes,
  type Denial,
  FORWARD,
  type Grant,
  type Limits,
  ROLE_NAME,
  type Role,
  scopeOf,
  scopes,
} from './roles.ts'
import { kindFields, shownBy, views } from './view.ts'

const MAX_ROLES = 200
const MAX_LINES = 100

const slug = z.string().min(1).max(64)
const time = z.string().regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/)
const records = z.int().min(1).max(1_000_000_000)

const hours = z
  .strictObject({
    from: time,
    to: time,
    days: z.array(z.int().min(1).max(7)).min(1).max(7).optional(),
    time_zone: z.string().max(64).refine(isTimeZone, issue('invalid-input', 'expected a time zone of IANA')).optional(),
  })
  .refine(({ from, to }) => from !== to, issue('invalid-input', 'covers no time'))

const limits = {
  per_hour: records.optional(),
  per_day: records.optional(),
  beyond: z.enum(['refuse', 'suspend']).optional(),
}
const total = z.strictObject(limits).refine(isLimit, issue('invalid-input', 'expected per_hour, per_day or both'))
const budget = z
  .strictObject({ ...limits, total: total.optional() })
  .refine((value) => isLimit(value) || value.total !== undefined, {
    ...issue('invalid-input', 'expected per_hour, per_day or a total'),
  })

const conditions = z.strictObject({
  reason: z.literal(true).optional(),
  ticket: z.literal(true).optional(),
  authority: z.literal(true).optional(),
  sites: z.array(slug).min(1).max(MAX_LINES).optional(),
  hours: hours.optional(),
  approval: z.literal(true).optional(),
  break_glass: z.literal(true).optional(),
  sender_constrained: z.union([z.literal(true), z.literal('unless-trial')]).optional(),
  budget: budget.optional(),
})

const kind = z.enum(kindNames)
const fields = z.array(z.string().max(40)).min(1).max(40)
const somePurposes = z.array(z.enum(purposes)).min(1).max(purposes.length)

const grant = z
  .strictObject({
    kind,
    fields: fields.optional(),
    view: z.enum(views).optional(),
    purposes: somePurposes,
    conditions: conditions.optional(),
  })
  .superRefine((value, context) => {
    checkFields(value, context)
    if ((value.fields === undefined) === (value.view === undefined))
      fault(context, [], 'expected either fields or a view')
    if (value.view && shownBy(value.view, value.kind) === undefined) {
      fault(context, ['view'], `a ${value.kind} has the views ${viewsOf(value.kind).join(', ')}`)
    }
    if (value.view === FORWARD) checkForward(value, context)
  })

const denial = z
  .strictObject({ kind, fields: fields.optional(), purposes: somePurposes.optional() })
  .superRefine(checkFields)

const { reason, ticket, sites, sender_constrained } = conditions.shape
const change = z
  .strictObject({
    scope: z.enum(changeScopes),
    kind: kind.optional(),
    use: z.enum(recordUses).optional(),
    purposes: somePurposes.optional(),
    conditions: z
      .strictObject({ reason, ticket, sites, hours: hours.optional(), sender_constrained, budget: budget.optional() })
      .optional(),
  })
  .superRefine(checkChange, { when: ({ issues }) => issues.length === 0 })

const role = z
  .strictObject({
    duty: z.string().min(1).max(300),
    scopes: z.array(z.enum(scopes)).max(scopes.length),
    grants: z.array(grant).max(MAX_LINES),
    denials: z.array(denial).max(MAX_LINES).optional(),
    changes: z.array(change).max(MAX_LINES).optional(),
    budget: budget.optional(),
    masked_card: z.literal('bin-last4').optional(),
  })
  .superRefine(checkScopes)

const file = z.strictObject({
  format: z.literal(1),
  roles: z
    .record(z.string().regex(ROLE_NAME), role)
    .refine((value) => Object.keys(value).length <= MAX_ROLES, issue('invalid-input', `at most ${MAX_ROLES} roles`)),
})

/**
 * Parses a file of roles. Nothing in it is passed over: a kind, field, view, purpose, scope or condition that is not known
 * is a fault.
 *
 * @throws {Problem} invalid-input, unknown-member, with a pointer for each fault
 */
export function parseRoleFile(input: unknown): RoleFile {
  return parseFile(file, input)
}

type Context = z.core.$RefinementCtx

function fault(context: Context, path: PropertyKey[], detail: string): void {
  context.addIssue({ code: 'custom', ...issue('invalid-input', detail, path) })
}

function checkFields({ kind, fields = [] }: Grant | Denial, context: Context): void {
  for (const [at, field] of fields.entries()) {
    if (!kindFields[kind].includes(field)) {
      fault(context, ['fields', at], `a ${kind} has the fields ${kindFields[kind].join(', ')}`)
    }
  }
}

function checkChange({ kind, use, purposes, conditions = {} }: ChangeRule, context: Context): void {
  if (use && !(kind && kindsUsedFor(use).includes(kind))) {
    fault(context, ['use'], `a use is of the kind ${kindsUsedFor(use).join(', ')}`)
  }
  if (!purposes && Object.keys(conditions).length === 0) fault(context, [], 'expected purposes, conditions or both')
}

/** A forward is a call of a program: it says no reason, and does not wait for a second person. */
const NOT_OF_FORWARDS = ['reason', 'ticket', 'authority', 'approval', 'break_glass'] as const

function checkForward({ purposes, conditions = {} }: Grant, context: Context): void {
  for (const name of NOT_OF_FORWARDS) {
    if (conditions[name]) fault(context, ['conditions', name], 'is not for the view forward')
  }
  const at = purposes.indexOf('legal-compliance')
  if (at >= 0) fault(context, ['purposes', at], 'is not for the view forward: it needs a second person')
}

/** A grant that can never hold is a mistake in one of two places, and it must be found here and not at work. */
function checkScopes({ scopes: held, grants, changes = [] }: Role, context: Context): void {
  for (const [at, grant] of grants.entries()) {
    const scope = scopeOf(grant)
    if (!held.includes(scope)) fault(context, ['grants', at], `the role lacks the scope ${scope}`)
  }
  for (const [at, { scope }] of changes.entries()) {
    if (!held.includes(scope)) fault(context, ['changes', at], `the role lacks the scope ${scope}`)
  }
}

function isLimit({ per_hour, per_day }: Limits): boolean {
  return per_hour !== undefined || per_day !== undefined
}

function viewsOf(kind: Grant['kind']): string[] {
  return views.filter((view) => shownBy(view, kind) !== undefined)
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: name })
    return true
  } catch {
    return false
  }
}
