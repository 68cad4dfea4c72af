import type { RecordUse } from '../../kinds/checkout-parts.ts'
import { type KindName, kindNames } from '../../kinds/registry.ts'
import type { Purpose } from './purpose.ts'
import { isBound, neededBy, shownBy, type View } from './view.ts'

const tokenScopes = ['tokenize', 'token:read', 'token:correct', 'token:erase', 'token:search', 'token:match'] as const
const otherScopes = [
  ...(['card:forward', 'consent:write', 'audit:read', 'audit:read-all', 'release:approve'] as const),
  ...(['customer:request', 'customer:report'] as const),
] as const

/** The scope that reveals a kind. */
type RevealScope = `${KindName}:reveal`

export type Scope = (typeof tokenScopes)[number] | RevealScope | (typeof otherScopes)[number]

/** The view that sends a record on and shows nothing of it. */
export const FORWARD = 'forward' satisfies View

export const FORWARD_SCOPE = 'card:forward' satisfies Scope

export const revealScopes: readonly RevealScope[] = kindNames.map(revealScopeOf)

export const scopes: readonly Scope[] = [...tokenScopes, ...revealScopes, ...otherScopes]

export function revealScopeOf(kind: KindName): RevealScope {
  return `${kind}:reveal`
}

/** The scope without which a grant never holds. */
export function scopeOf({ kind, view }: Pick<Grant, 'kind' | 'view'>): Scope {
  return view === FORWARD ? FORWARD_SCOPE : revealScopeOf(kind)
}

/**
 * The most records that one caller may see in an hour and a day: above it the answer is 429, or the caller is
 * suspended.
 */
export interface Limits {
  per_hour?: number | undefined
  per_day?: number | undefined
  /** Default: refuse, until the hour or the day is over. */
  beyond?: 'refuse' | 'suspend' | undefined
}

/** Holds for each purpose separately; `total` for all of them together, masked views and searches too. */
export interface Budget extends Limits {
  total?: Limits | undefined
}

/** What must be true, beside role and purpose, for a grant to hold. All named conditions must be met. */
export interface Conditions {
  /** The request says why. */
  reason?: true | undefined
  /** The request names a ticket or a case. */
  ticket?: true | undefined
  /** The request names which authority asks, and its case as the ticket. */
  authority?: true | undefined
  /** The caller works on one of these sites. In any case it sees the records of its own site only. */
  sites?: readonly string[] | undefined
  /** The clock shows a time from `from` until before `to`, on one of `days` (1 is Monday), in `time_zone` (UTC). */
  hours?: Hours | undefined
  /** A second person has approved this release. */
  approval?: true | undefined
  /** With a reason the caller need not wait for the approval: that is an alert, and a second person reviews it. */
  break_glass?: true | undefined
  /**
   * The access token is bound to its owner's key or certificate (RFC 9449, RFC 8705): a stolen one is worth nothing.
   * `unless-trial` takes a trial token too, which the vault's own command line signs outside production.
   */
  sender_constrained?: true | 'unless-trial' | undefined
  budget?: Budget | undefined
}

export interface Hours {
  from: string
  to: string
  days?: readonly number[] | undefined
  time_zone?: string | undefined
}

/** Lets a role see fields of a kind, or a view of it, for purposes, under conditions. */
export interface Grant {
  kind: KindName
  fields?: readonly string[] | undefined
  view?: View | undefined
  purposes: readonly Purpose[]
  conditions?: Conditions | undefined
}

/** The scopes that change records. */
export const changeScopes = ['token:correct', 'token:erase'] as const satisfies readonly Scope[]

export type ChangeScope = (typeof changeScopes)[number]

/** What a change must say or meet; an approval is for a release and is not among them. */
type ChangeConditions = Pick<Conditions, 'reason' | 'ticket' | 'sites' | 'hours' | 'sender_constrained' | 'budget'>

/** Narrows a scope that changes records: each rule that fits a record must be met. */
export interface ChangeRule {
  scope: ChangeScope
  /** Left out: every kind. */
  kind?: KindName | undefined
  /** For kinds that have uses; default: all of them. */
  use?: RecordUse | undefined
  /** The request names one of these purposes; left out: it need not name one. */
  purposes?: readonly Purpose[] | undefined
  conditions?: ChangeConditions | undefined
}

/** What a role never sees, over all grants: these fields or all of them, for these purposes or for any. */
export interface Denial {
  kind: KindName
  fields?: readonly string[] | undefined
  purposes?: readonly Purpose[] | undefined
}

/** What a role may do, and what it may see for which purpose. Everything else is refused. */
export interface Role {
  /** One line for the people who assign roles. */
  duty: string
  scopes: readonly Scope[]
  grants: readonly Grant[]
  denials?: readonly Denial[] | undefined
  /** What correcting and erasing need beside the scope. */
  changes?: readonly ChangeRule[] | undefined
  /** Holds for every purpose separately, and for masked views and searches. */
  budget?: Budget | undefined
  /** What masked views of a card show beside the last four digits. */
  masked_card?: 'bin-last4' | undefined
}

/** A card number is released or forwarded only for a bound token. `conditionsOf` adds this to every set of roles. */
const CARD_NUMBER = { sender_constrained: 'unless-trial' } as const satisfies Conditions
/**
 * A caller that acts for an authority names it and the case, and a second person approves. `conditionsOf` adds this
 * too.
 */
const FOR_AUTHORITY = { ticket: true, authority: true, approval: true } as const satisfies Conditions

/** A built-in role. What it sees of each kind, the kind says (`neededBy` in `src/kinds`). */
interface BuiltInRole extends Omit<Role, 'grants'> {
  /** Without those that reveal, which follow from what it sees. */
  scopes: readonly Scope[]
  /** What it sees that for: a grant for each line. */
  purposes?: readonly (readonly Purpose[])[]
  /** What it forwards a card for. */
  forwards?: readonly Purpose[]
}

/** The built-in roles: the whole of who may do what, and what for. `admin` and `key-custodian` see no data. */
const table: Readonly<Record<string, BuiltInRole>> = {
  checkout: {
    duty: 'The checkout page: stores what a shopper enters, sees nothing again.',
    scopes: ['tokenize'],
  },
  storefront: {
    duty: 'The shop: stores, shows saved cards and addresses masked, corrects and erases them for the shopper.',
    scopes: [
      ...(['tokenize', 'token:read', 'token:correct', 'token:erase', 'token:search'] as const),
      ...(['consent:write', 'customer:request'] as const),
    ],
  },
  fulfilment: {
    duty: 'Packs and ships: needs the address and how to reach the recipient, never a card.',
    scopes: ['token:read', 'token:search'],
    purposes: [['provide-goods']],
  },
  billing: {
    duty: 'Takes payments and refunds: needs the card and the billing address.',
    scopes: ['token:read', 'token:search', 'token:match', 'card:forward'],
    purposes: [['process-payment']],
    forwards: ['process-payment'],
    masked_card: 'bin-last4',
  },
  payments: {
    duty: 'Pays with stored cards: the vault sends them to the processor, and the caller sees none.',
    scopes: ['tokenize', 'token:read', 'card:forward'],
    forwards: ['process-payment'],
  },
  support: {
    duty: 'Answers shoppers: reaches them and corrects what they report, never sees a card number.',
    scopes: ['token:read', 'token:search', 'token:match', 'token:correct'],
    purposes: [['respond-to-query', 'communicate']],
    // Goods that are sent elsewhere are the usual end of a taken-over account.
    changes: [{ scope: 'token:correct', kind: 'address', use: 'shipping', conditions: { reason: true } }],
  },
  fraud: {
    duty: 'Examines suspicious orders: sees names, addresses and the first digits of cards.',
    scopes: ['token:read', 'token:search', 'token:match'],
    purposes: [['enforce-rights']],
    masked_card: 'bin-last4',
  },
  marketing: {
    duty: 'Writes to shoppers who agreed to it: name and e-mail only.',
    scopes: ['token:read'],
    purposes: [['marketing']],
  },
  legal: {
    duty: 'Answers courts and enforces the shop’s rights.',
    scopes: ['token:read', 'token:search'],
    purposes: [['enforce-rights'], ['legal-compliance']],
  },
  'privacy-officer': {
    duty: 'Answers what is held on a shopper, corrects and erases it.',
    scopes: [
      ...(['token:read', 'token:search', 'token:correct', 'token:erase', 'consent:write'] as const),
      ...(['audit:read', 'release:approve', 'customer:report'] as const),
    ],
    purposes: [['respond-to-query'], ['legal-compliance']],
  },
  auditor: {
    duty: 'Reads the audit log and nothing else.',
    scopes: ['audit:read'],
  },
  'key-custodian': {
    duty: 'Keeps and rotates the keys at the command line; sees no data.',
    scopes: [],
  },
  admin: {
    duty: 'Runs the service and its callers at the command line; sees no data.',
    scopes: [],
  },
}

/** The built-in roles with their grants. */
export const builtInRoles: Readonly<Record<string, Role>> = Object.fromEntries(
  Object.entries(table).map(([name, role]) => [name, withGrants(name, role)]),
)

function withGrants(name: string, { duty, scopes, purposes = [], forwards, ...others }: BuiltInRole): Role {
  const seen = kindNames.flatMap((kind) => {
    const fields = neededBy[kind][name]
    return fields === undefined ? [] : [{ kind, fields }]
  })
  const reveals = purposes.length === 0 ? [] : seen.map(({ kind }) => revealScopeOf(kind))
  const isOther = (scope: Scope) => (otherScopes as readonly Scope[]).includes(scope)
  return {
    duty,
    scopes: [...scopes.filter((scope) => !isOther(scope)), ...reveals, ...scopes.filter(isOther)],
    grants: [
      ...purposes.flatMap((line) => seen.map((shown) => grantFor({ ...shown, purposes: line }))),
      ...(forwards ? [grantFor({ kind: 'card', view: FORWARD, purposes: forwards })] : []),
    ],
    ...others,
  }
}

/** With the conditions that no grant can leave out, which a reader of the role then sees. */
function grantFor(grant: Grant): Grant {
  const conditions: Conditions = Object.assign({}, ...grant.purposes.map((purpose) => conditionsOf(grant, purpose)))
  return Object.keys(conditions).length === 0 ? grant : { ...grant, conditions }
}

/** A name in the set in force: the built-in one, or the one that the operator applied. */
export type RoleName = string

/** Letters of the alphabet, digits and dashes, beginning with a letter. */
export const ROLE_NAME = /^[a-z][a-z0-9-]{0,39}$/

export const roleNames: readonly RoleName[] = Object.keys(builtInRoles)

/** Whether the built-in set has a role of that name. */
export function isRoleName(name: string): boolean {
  return Object.hasOwn(builtInRoles, name)
}

/** The names of everything that a grant shows. */
export function namesOf({ kind, fields, view }: Pick<Grant, 'kind' | 'fields' | 'view'>): readonly string[] {
  return fields ?? (view && shownBy(view, kind)) ?? []
}

/**
 * What must be so for a grant to hold for a purpose: what it names itself, and what no file of roles can leave out. A card
 * number and its like need a bound token, shown or forwarded; a release in the name of the law needs a case, an authority and a
 * second person.
 */
export function conditionsOf({ conditions, ...grant }: Grant, purpose: Purpose): Conditions {
  const usesBound = grant.view === FORWARD || namesOf(grant).some((name) => isBound(name, grant.kind))
  return {
    ...conditions,
    ...(usesBound ? { sender_constrained: conditions?.sender_constrained ?? CARD_NUMBER.sender_constrained } : {}),
    ...(purpose === 'legal-compliance' ? FOR_AUTHORITY : {}),
  }
}
