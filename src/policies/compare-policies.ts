import type { Policy, PolicyPurpose } from './policy.ts'

/** One difference between two versions. */
export interface PolicyChange {
  /** Where in the machine-readable part; `#` for the text. */
  pointer: string
  change: 'added' | 'removed' | 'changed'
  /** A sentence for people. */
  text: string
}

/** What a version says otherwise than the one before, in the order of the file. */
export function comparePolicies(before: Policy & { text: string }, after: Policy & { text: string }): PolicyChange[] {
  return [
    ...compareValues('#/controller', 'The controller', before.controller, after.controller),
    ...compareMembers('data', before.data, after.data, (kind) => `What is collected as ${kind}`),
    ...Object.keys({ ...before.purposes, ...after.purposes }).flatMap((name) =>
      comparePurpose(name, lookUp(before.purposes, name), lookUp(after.purposes, name)),
    ),
    ...compareMembers('recipients', before.recipients, after.recipients, (name) => `The class of recipients ${name}`),
    ...compareValues(
      '#/settlement_days',
      'How many days a card is kept without a consent',
      before.settlement_days,
      after.settlement_days,
    ),
    ...(isSame(before.text.trim(), after.text.trim()) ? [] : [changed('#', 'The text')]),
  ]
}

/** What each member of a purpose is called. */
const MEMBERS: Readonly<Record<keyof PolicyPurpose, string>> = {
  legal_basis: 'The legal basis',
  consent: 'Whether consent is needed',
  data: 'What data is used',
  recipients: 'Who gets the data',
  retention_days: 'How many days data is kept',
  description: 'The wording',
}

function comparePurpose(
  name: string,
  before: PolicyPurpose | undefined,
  after: PolicyPurpose | undefined,
): PolicyChange[] {
  const pointer = `#/purposes/${name}`
  if (before === undefined || after === undefined) return compareValues(pointer, `The purpose ${name}`, before, after)
  return (Object.keys(MEMBERS) as (keyof PolicyPurpose)[]).flatMap((member) =>
    isSame(before[member], after[member])
      ? []
      : [
          changed(`${pointer}/${member}`, `${MEMBERS[member]} for the purpose ${name}`, [
            before[member],
            after[member],
          ]),
        ],
  )
}

function compareMembers(
  at: string,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  nameOf: (member: string) => string,
): PolicyChange[] {
  const members = Object.keys({ ...before, ...after })
  return members.flatMap((member) =>
    compareValues(`#/${at}/${member}`, nameOf(member), lookUp(before, member), lookUp(after, member)),
  )
}

function compareValues(pointer: string, what: string, before: unknown, after: unknown): PolicyChange[] {
  if (isSame(before, after)) return []
  if (before === undefined) return [{ pointer, change: 'added', text: `${what} was added.` }]
  if (after === undefined) return [{ pointer, change: 'removed', text: `${what} was removed.` }]
  return [changed(pointer, what, [before, after])]
}

/** @param values before and now; left out where they are too long for a sentence */
function changed(pointer: string, what: string, values?: readonly [unknown, unknown]): PolicyChange {
  const how = values === undefined ? '' : `: ${inWords(values[0])} before, ${inWords(values[1])} now`
  return { pointer, change: 'changed', text: `${what} has changed${how}.` }
}

function inWords(value: unknown): string {
  if (value === undefined) return 'no'
  if (value === true) return 'yes'
  if (typeof value === 'string') return value.replace(/\.$/, '')
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ')
  if (typeof value !== 'object' || value === null) return String(value)
  const parts = Object.entries(value).filter(([, member]) => member !== undefined)
  return parts.map(([name, member]) => (typeof member === 'number' ? `${name} ${member}` : inWords(member))).join(', ')
}

function lookUp<T>(members: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(members, name) ? members[name] : undefined
}

/** Lists of names are sets: their order says nothing. */
function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(inOrder(one)) === JSON.stringify(inOrder(other))
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder).toSorted()
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => [name, inOrder(member)])
    .toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1))
}
