import { randomInt } from 'node:crypto'
import type { Secret } from './leak-scanner.ts'

/** A made-up person, each of whose details occurs nowhere else in the world. */
export interface Shopper {
  customer: string
  name: string
  number: string
  email: string
  phone: string
  line1: string
  line2: string
  city: string
  instructions: string
}

/** Ofcom keeps +44 7700 900000 to 900999 for drama: they belong to no one. */
const DRAMA_PHONES = 1000

export function createShopper(at: number, number: string): Shopper {
  const surname = createWord()
  const phone = `+44 7700 900${String(at % DRAMA_PHONES).padStart(3, '0')}`
  return {
    customer: `cus_${createWord()}`,
    name: `Mei ${surname}`,
    number,
    email: `${createWord()}@${createWord()}.example`,
    phone,
    line1: `${at} ${createWord()} Street`,
    line2: `Flat ${createWord()}`,
    city: createWord(),
    instructions: `Ring at ${createWord()}, not at ${createWord()}`,
  }
}

/** Twelve random letters, the first a capital one. */
export function createWord(): string {
  const letters = Array.from({ length: 12 }, () => String.fromCharCode(97 + randomInt(26))).join('')
  return letters.charAt(0).toUpperCase() + letters.slice(1)
}

export function checkoutOf({ customer, name, number, email, phone, line1, line2, city, instructions }: Shopper) {
  const address = { name, line1, line2, city, postal_code: '048616', country: 'SG' }
  return {
    customer,
    policy_version: '2026-11-01',
    consents: ['store-card'],
    card: { number, exp_month: 12, exp_year: 2031, holder_name: name },
    billing_address: address,
    shipping_address: { ...address, phone, instructions },
    contact: { name, email, phone },
  }
}

export function secretsOf({ number, phone, ...texts }: Shopper): Secret[] {
  const digits = phone.replace(/\D/g, '')
  return [
    { name: 'card number', value: number, isCardNumber: true },
    { name: 'phone', value: phone },
    { name: 'phone in E.164', value: `+${digits}` },
    { name: 'phone within the country', value: digits.slice(2) },
    ...Object.entries(texts).map(([name, value]) => ({ name, value })),
  ]
}
