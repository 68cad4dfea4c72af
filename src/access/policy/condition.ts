import { Problem } from '../../values/problem.ts'
import type { Caller } from './caller.ts'
import type { Budget, Conditions, Hours, Limits } from './roles.ts'

/** What is known of a request that a grant's conditions ask for. What is left out is not there. */
export interface Circumstances {
  now?: Date | undefined
  reason?: boolean | undefined
  ticket?: boolean | undefined
  /** Whether it says which authority asks. */
  authority?: boolean | undefined
  /** Whether another person has approved exactly this release. */
  approved?: boolean | undefined
  /** Whether the caller asks not to wait for that. */
  breakGlass?: boolean | undefined
}

/** A condition that is not met, and the answer to a caller who meets it. */
export interface Unmet {
  condition: keyof Conditions
  problem: Problem
}

/** The first condition that is not met; undefined when all are. The approval comes last. */
export function findUnmet(conditions: Conditions, caller: Caller, circumstances: Circumstances): Unmet | undefined {
  return findUnmetBeside(conditions, caller, circumstances) ?? findUnmetApproval(conditions, circumstances)
}

/** Whether the approval is missing that the conditions ask for. Of the circumstances only these matter. */
export function findUnmetApproval(
  conditions: Conditions,
  { approved, breakGlass, reason }: Pick<Circumstances, 'approved' | 'breakGlass' | 'reason'>,
): Unmet | undefined {
  const isUrgent = conditions.break_glass && breakGlass && reason
  if (!conditions.approval || approved || isUrgent) return undefined
  return { condition: 'approval', problem: new Problem('approval-required') }
}

/** The first condition beside the approval that is not met. */
export function findUnmetBeside(
  conditions: Conditions,
  caller: Caller,
  { now, reason, ticket, authority }: Circumstances,
): Unmet | undefined {
  const { sites, hours } = conditions
  if (sites && !sites.includes(caller.site)) return unmet('sites', 'not for the site of the caller')
  if (hours && !(now && isWithin(hours, now))) return unmet('hours', 'not at this time')
  if (conditions.sender_constrained && !isOwners(caller, conditions.sender_constrained)) {
    // The challenge for a token that is bound to its owner's key.
    const challenge = { scheme: 'DPoP', error: 'invalid_token' } as const
    return { condition: 'sender_constrained', problem: new Problem('unauthenticated', { challenge }) }
  }
  if (conditions.authority && !(authority && ticket)) {
    const missing = [!ticket && '#/ticket', !authority && '#/authority'].filter((pointer) => pointer !== false)
    const errors = missing.map((pointer) => ({
      pointer,
      detail: 'the purpose needs the authority that asks and its case',
    }))
    return { condition: 'authority', problem: new Problem('condition-not-met', { errors }) }
  }
  if (conditions.reason && !reason) return unmet('reason', 'a reason is required', '#/reason')
  if (conditions.ticket && !ticket) return unmet('ticket', 'a ticket is required', '#/ticket')
  return undefined
}

/** Whether the token is bound to its owner, who has proved it; or is one for trials, if that is enough. */
function isOwners({ confirmation, isTrial }: Caller, wanted: true | 'unless-trial'): boolean {
  return confirmation !== undefined || (wanted === 'unless-trial' && isTrial === true)
}

/** @param pointer where in the request it is missing */
function unmet(condition: keyof Conditions, detail: string, pointer?: string) {
  const errors = pointer === undefined ? [] : [{ pointer, detail }]
  return { condition, problem: new Problem('condition-not-met', { detail, errors }) }
}

/** The strictest of two budgets. */
export function stricter(one: Budget | undefined, other: Budget | undefined): Budget | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return {
    ...strictest(one, other),
    total: one.total && other.total ? strictest(one.total, other.total) : (one.total ?? other.total),
  }
}

function strictest(one: Limits, other: Limits): Limits {
  return {
    per_hour: least(one.per_hour, other.per_hour),
    per_day: least(one.per_day, other.per_day),
    beyond: one.beyond === 'suspend' || other.beyond === 'suspend' ? 'suspend' : 'refuse',
  }
}

function least(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)
}

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

/**
 * Whether the local time of that time zone is within the hours. Hours over midnight belong to the day they begin on.
 */
export function isWithin({ from, to, days, time_zone = 'UTC' }: Hours, now: Date): boolean {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: time_zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const parts = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]))
  const time = `${parts.hour}:${parts.minute}`
  const today = WEEKDAYS.indexOf(parts.weekday ?? '') + 1
  const isOn = (day: number) => days === undefined || days.includes(day)
  if (from <= to) return isOn(today) && time >= from && time < to
  const yesterday = today === 1 ? 7 : today - 1
  return (isOn(today) && time >= from) || (isOn(yesterday) && time < to)
}
