/** Published test numbers of the brands; never live ones. */
export const cards = {
  visa: '4242424242424242',
  mastercard: '5555555555554444',
  amex: '378282246310005',
} as const

/** Values that must be found nowhere but in a reveal. */
export const person = {
  name: 'Tan Mei Ling',
  email: 'mei.ling.tan@example.sg',
  phone: '+65 6123 4567',
  line1: '1 Raffles Place',
  line2: 'Unit 20-61 Tower One',
  postalCode: '048616',
  instructions: 'Leave it with the neighbour at number seven',
} as const

export const card = { number: '4242 4242 4242 4242', exp_month: 12, exp_year: 2031, holder_name: person.name }

export const billingAddress = {
  name: person.name,
  line1: person.line1,
  line2: person.line2,
  city: 'Singapore',
  postal_code: person.postalCode,
  country: 'SG',
}

export const shippingAddress = { ...billingAddress, phone: person.phone, instructions: person.instructions }

export const contact = { name: person.name, email: person.email, phone: person.phone }

export const checkout = {
  customer: 'cus_1042',
  policy_version: '2026-11-01',
  consents: ['store-card'],
  card,
  billing_address: billingAddress,
  shipping_address: shippingAddress,
  contact,
}

/** What corrections put in the place of the values above. */
export const corrected = {
  line1: '80 Robinson Road',
  name: 'Tan Mei Ling Goh',
  email: 'mei.goh@example.sg',
  phone: '+65 6987 6543',
} as const

/** Every sample value in the forms in which it could leak. */
export const secrets: readonly string[] = [
  ...Object.values(cards),
  card.number,
  ...Object.values(person).filter((value) => value !== person.postalCode),
  '+6561234567',
  ...Object.values(corrected),
  '+6569876543',
]
