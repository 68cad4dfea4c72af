import type { RecordUse } from '../../kinds/checkout-parts.ts'
import { type KindName, kindNames } from '../../kinds/registry.ts'
import type { Budget } from './limits.ts'
import type { Purpose } from './purpose.ts'
import { isBound, kindFields, shownBy, type View } from './view.ts'

const tokenScopes = ['tokenize', 'token:read', 'token:correct', 'token:erase', 'token:search', 'token:match'] as const
const otherScopes = ['audit:read', 'audit:read-all', 'release:approve'] as const

/** The scope that reveals a kind. */
type RevealScope = `${KindName}:reveal`

export type Scope = (typeof tokenScopes)[number] | RevealScope | (typeof otherScopes)[number]

export const revealScopes: readonly RevealScope[] = kindNames.map(revealScopeOf)

export const scopes: readonly Scope[] = [...tokenScopes, ...revealScopes, ...otherScopes]

export function revealScopeOf(kind: KindName): RevealScope {
  return `${kind}:reveal`
}

export type { Budget, Limits } from './limits.ts'

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

const ADDRESS_LABEL = ['name', 'company', 'line1', 'line2', 'district', 'city', 'region', 'postal_code', 'country']
const DELIVERY = kindFields.address
const CONTACT = kindFields.contact
const CARD = kindFields.card

/** A card number is released only to a bound token. `conditionsOf` adds this to every set of roles. */
const CARD_NUMBER = { sender_constrained: 'unless-trial' } as const satisfies Conditions
/**
 * A caller that acts for an authority names it and the case, and a second person approves. `conditionsOf` adds this
 * too.
 */
const FOR_AUTHORITY = { ticket: true, authority: true, approval: true } as const satisfies Conditions

/** The built-in roles: the whole of who may see what. `admin` and `key-custodian` see no data. */
export const builtInRoles: Readonly<Record<string, Role>> = {
  checkout: {
    duty: 'The checkout page: stores what a shopper enters, sees nothing again.',
    scopes: ['tokenize'],
    grants: [],
  },
  storefront: {
    duty: 'The shop: stores, shows saved cards and addresses masked, corrects and erases them for the shopper.',
    scopes: ['tokenize', 'token:read', 'token:correct', 'token:erase', 'token:search'],
    grants: [],
  },
  fulfilment: {
    duty: 'Packs and ships: needs the address and how to reach the recipient, never a card.',
    scopes: ['token:read', 'token:search', 'address:reveal', 'contact:reveal'],
    grants: [
      { kind: 'address', fields: DELIVERY, purposes: ['provide-goods'] },
      { kind: 'contact', fields: ['name', 'phone', 'phone_e164'], purposes: ['provide-goods'] },
    ],
  },
  billing: {
    duty: 'Takes payments and refunds: needs the card and the billing address.',
    scopes: ['token:read', 'token:search', 'token:match', 'card:reveal', 'address:reveal'],
    grants: [
      { kind: 'card', fields: CARD, purposes: ['process-payment'], conditions: CARD_NUMBER },
      { kind: 'address', fields: ADDRESS_LABEL, purposes: ['process-payment'] },
    ],
    masked_card: 'bin-last4',
  },
  support: {
    duty: 'Answers shoppers: reaches them and corrects what they report, never sees a card number.',
    scopes: ['token:read', 'token:search', 'token:match', 'token:correct', 'address:reveal', 'contact:reveal'],
    grants: [
      { kind: 'address', fields: DELIVERY, purposes: ['respond-to-query', 'communicate'] },
      { kind: 'contact', fields: CONTACT, purposes: ['respond-to-query', 'communicate'] },
    ],
    // Goods that are sent elsewhere are the usual end of a taken-over account.
    changes: [{ scope: 'token:correct', kind: 'address', use: 'shipping', conditions: { reason: true } }],
  },
  fraud: {
    duty: 'Examines suspicious orders: sees names, addresses and the first digits of cards.',
    scopes: ['token:read', 'token:search', 'token:match', 'card:reveal', 'address:reveal', 'contact:reveal'],
    grants: [
      { kind: 'card', fields: ['exp_month', 'exp_year', 'holder_name'], purposes: ['enforce-rights'] },
      { kind: 'address', fields: DELIVERY, purposes: ['enforce-rights'] },
      { kind: 'contact', fields: CONTACT, purposes: ['enforce-rights'] },
    ],
    masked_card: 'bin-last4',
  },
  marketing: {
    duty: 'Writes to shoppers who agreed to it: name and e-mail only.',
    scopes: ['token:read', 'contact:reveal'],
    grants: [{ kind: 'contact', fields: ['name', 'email'], purposes: ['marketing'] }],
  },
  legal: {
    duty: 'Answers courts and enforces the shop’s rights.',
    scopes: ['token:read', 'token:search', 'card:reveal', 'address:reveal', 'contact:reveal'],
    grants: [
      { kind: 'card', fields: CARD, purposes: ['enforce-rights'], conditions: CARD_NUMBER },
      { kind: 'address', fields: DELIVERY, purposes: ['enforce-rights'] },
      { kind: 'contact', fields: CONTACT, purposes: ['enforce-rights'] },
      {
        kind: 'card',
        fields: CARD,
        purposes: ['legal-compliance'],
        conditions: { ...CARD_NUMBER, ...FOR_AUTHORITY },
      },
      { kind: 'address', fields: DELIVERY, purposes: ['legal-compliance'], conditions: FOR_AUTHORITY },
      { kind: 'contact', fields: CONTACT, purposes: ['legal-compliance'], conditions: FOR_AUTHORITY },
    ],
  },
  'privacy-officer': {
    duty: 'Answers what is held on a shopper, corrects and erases it.',
    scopes: [
      'token:read',
      'token:search',
      'token:correct',
      'token:erase',
      'address:reveal',
      'contact:reveal',
      'audit:read',
      'release:approve',
    ],
    grants: [
      { kind: 'address', fields: DELIVERY, purposes: ['respond-to-query'] },
      { kind: 'contact', fields: CONTACT, purposes: ['respond-to-query'] },
      { kind: 'address', fields: DELIVERY, purposes: ['legal-compliance'], conditions: FOR_AUTHORITY },
      { kind: 'contact', fields: CONTACT, purposes: ['legal-compliance'], conditions: FOR_AUTHORITY },
    ],
  },
  auditor: {
    duty: 'Reads the audit log and nothing else.',
    scopes: ['audit:read'],
    grants: [],
  },
  'key-custodian': {
    duty: 'Keeps and rotates the keys at the command line; sees no data.',
    scopes: [],
    grants: [],
  },
  admin: {
    duty: 'Runs the service and its callers at the command line; sees no data.',
    scopes: [],
    grants: [],
  },
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

/** What a role comes to when all conditions are met: its purposes, and per kind the fields that it may see for some of them. */
export interface RoleSummary extends Pick<Role, 'duty' | 'scopes'> {
  purposes: readonly Purpose[]
  reveals: Partial<Record<KindName, readonly string[]>>
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
  return { duty, scopes, purposes, reveals, ...(masked_card ? { bin: true } : {}) }
}

/** The summary of a built-in role. */
export function roleOf(name: RoleName): RoleSummary {
  const role = builtInRoles[name]
  if (role === undefined || !isRoleName(name)) throw new Error('there is no such built-in role')
  return summarise(role)
}

/** The names of everything that a grant shows. */
export function namesOf({ kind, fields, view }: Pick<Grant, 'kind' | 'fields' | 'view'>): readonly string[] {
  return fields ?? (view && shownBy(view, kind)) ?? []
}

/**
 * What must be so for a grant to hold for a purpose: what it names itself, and what no file of roles can leave out. A card
 * number and its like need a bound token; a release in the name of the law needs a case, an authority and a
 * second person.
 */
export function conditionsOf({ conditions, ...grant }: Grant, purpose: Purpose): Conditions {
  const showsBound = namesOf(grant).some((name) => isBound(name, grant.kind))
  return {
    ...conditions,
    ...(showsBound ? { sender_constrained: conditions?.sender_constrained ?? CARD_NUMBER.sender_constrained } : {}),
    ...(purpose === 'legal-compliance' ? FOR_AUTHORITY : {}),
  }
}

function deniesAlways(denial: Denial, kind: KindName, name: string): boolean {
  return denial.kind === kind && denial.purposes === undefined && (denial.fields?.includes(name) ?? true)
}
