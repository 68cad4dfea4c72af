/** How many checkouts a batch may hold. */
const ITEMS = 1000
/** The server takes 4 MiB. */
const MOST_BYTES = 4_000_000

/** 32 of them, all different, as short as 32 different ones are. */
const consents = Array.from({ length: 32 }, (_, at) => `c${at}`)

/** A batch as dear as one can be: a thousand checkouts with every part and member, filled up to the largest body. */
export function worstBatch(): string {
  const withoutInstructions = JSON.stringify({ items: Array.from({ length: ITEMS }, (_, at) => checkout(at, 0)) })
  const room = Math.floor((MOST_BYTES - withoutInstructions.length) / ITEMS / 2)
  const instructions = Math.max(1, Math.min(500, room))
  return JSON.stringify({ items: Array.from({ length: ITEMS }, (_, at) => checkout(at, instructions)) })
}

function checkout(at: number, instructionsLength: number) {
  const address = {
    name: fill('Tan Mei Ling ', 100),
    company: fill('Harbour Trading 7 ', 100),
    line1: fill('1 Raffles Place, Tower 1 ', 200),
    line2: fill('#20-61, Lift 3, Door 14 ', 200),
    district: fill('Downtown Core ', 100),
    city: 'Singapore',
    region: fill('Central Region ', 100),
    postal_code: '048616',
    country: 'SG',
    phone: '+65 6123 4567',
    instructions: fill('Ring 2 times, 10 to 12 o’clock, gate 4. ', instructionsLength),
  }
  return {
    customer: `cus_${at}`,
    policy_version: '2026-11-01',
    consents,
    card: { number: '4242424242424242', exp_month: 12, exp_year: 2031, holder_name: fill('Tan Mei Ling ', 60) },
    billing_address: address,
    shipping_address: address,
    contact: { name: fill('Tan Mei Ling ', 100), email: `mei.${at}@example.sg`, phone: '+65 6123 4567' },
  }
}

function fill(text: string, length: number): string {
  return `${text.repeat(Math.ceil(length / text.length)).slice(0, Math.max(0, length - 1))}x`
}
