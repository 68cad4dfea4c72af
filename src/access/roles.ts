import type { Purpose } from './purpose.ts'

export const scopes = [
  'tokenize',
  'token:read',
  'token:correct',
  'token:erase',
  'token:search',
  'card:reveal',
  'address:reveal',
  'contact:reveal',
  'audit:read',
] as const

export type Scope = (typeof scopes)[number]

export type KindName = 'card' | 'address' | 'contact'

/** What a role may do, and what it may see for which purpose. What is not written here is refused. */
export interface Role {
  /** One line for the people who assign roles. */
  duty: string
  scopes: readonly Scope[]
  purposes: readonly Purpose[]
  /** Per kind, the fields that a reveal may release to this role. */
  reveals: Partial<Record<KindName, readonly string[]>>
  /** Whether a masked card also shows its first six digits. */
  bin?: true
}

const ADDRESS_LABEL = 'name company line1 line2 district city region postal_code country'.split(' ')
const DELIVERY = [...ADDRESS_LABEL, 'phone', 'phone_e164', 'instructions']
const CONTACT = ['name', 'email', 'phone', 'phone_e164']
const CARD = ['number', 'exp_month', 'exp_year', 'holder_name']

/** The built-in roles: the whole of who may see what. `admin` and `key-custodian` see no data. */
export const roles = {
  checkout: {
    duty: 'The checkout page: stores what a shopper enters, sees nothing again.',
    scopes: ['tokenize'],
    purposes: [],
    reveals: {},
  },
  storefront: {
    duty: 'The shop: stores, shows saved cards and addresses masked, corrects and erases them for the shopper.',
    scopes: ['tokenize', 'token:read', 'token:correct', 'token:erase', 'token:search'],
    purposes: [],
    reveals: {},
  },
  fulfilment: {
    duty: 'Packs and ships: needs the address and how to reach the recipient, never a card.',
    scopes: ['token:read', 'token:search', 'address:reveal', 'contact:reveal'],
    purposes: ['provide-goods'],
    reveals: { address: DELIVERY, contact: ['name', 'phone', 'phone_e164'] },
  },
  billing: {
    duty: 'Takes payments and refunds: needs the card and the billing address.',
    scopes: ['token:read', 'token:search', 'card:reveal', 'address:reveal'],
    purposes: ['process-payment'],
    reveals: { card: CARD, address: ADDRESS_LABEL },
    bin: true,
  },
  support: {
    duty: 'Answers shoppers: reaches them and corrects what they report, never sees a card number.',
    scopes: ['token:read', 'token:search', 'token:correct', 'address:reveal', 'contact:reveal'],
    purposes: ['respond-to-query', 'communicate'],
    reveals: { address: DELIVERY, contact: CONTACT },
  },
  fraud: {
    duty: 'Examines suspicious orders: sees names, addresses and the first digits of cards.',
    scopes: ['token:read', 'token:search', 'card:reveal', 'address:reveal', 'contact:reveal'],
    purposes: ['enforce-rights'],
    reveals: { card: ['exp_month', 'exp_year', 'holder_name'], address: DELIVERY, contact: CONTACT },
    bin: true,
  },
  marketing: {
    duty: 'Writes to shoppers who agreed to it: name and e-mail only.',
    scopes: ['token:read', 'contact:reveal'],
    purposes: ['marketing'],
    reveals: { contact: ['name', 'email'] },
  },
  legal: {
    duty: 'Answers courts and enforces the shop’s rights.',
    scopes: ['token:read', 'token:search', 'card:reveal', 'address:reveal', 'contact:reveal'],
    purposes: ['legal-compliance', 'enforce-rights'],
    reveals: { card: CARD, address: DELIVERY, contact: CONTACT },
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
    ],
    purposes: ['respond-to-query', 'legal-compliance'],
    reveals: { address: DELIVERY, contact: CONTACT },
  },
  auditor: {
    duty: 'Reads the audit log and nothing else.',
    scopes: ['audit:read'],
    purposes: [],
    reveals: {},
  },
  'key-custodian': {
    duty: 'Keeps and rotates the keys at the command line; sees no data.',
    scopes: [],
    purposes: [],
    reveals: {},
  },
  admin: {
    duty: 'Runs the service and its callers at the command line; sees no data.',
    scopes: [],
    purposes: [],
    reveals: {},
  },
} as const satisfies Record<string, Role>

export type RoleName = keyof typeof roles

export const roleNames = Object.keys(roles) as RoleName[]

export function isRoleName(name: string): name is RoleName {
  return Object.hasOwn(roles, name)
}

export function roleOf(name: RoleName): Role {
  return roles[name]
}
