/** Checkouts that are stored when they are sent, by what they show. */
export const CHECKOUT_EXAMPLES = {
  'A whole checkout': {
    customer: 'cus_1042',
    policy_version: '2026-11-01',
    consents: ['store-card'],
    card: { number: '4242 4242 4242 4242', exp_month: 12, exp_year: 2031, holder_name: 'Tan Mei Ling' },
    billing_address: {
      name: 'Tan Mei Ling',
      line1: '1 Raffles Place',
      line2: '#20-61',
      city: 'Singapore',
      postal_code: '048616',
      country: 'SG',
    },
    shipping_address: {
      name: 'Tan Mei Ling',
      line1: '80 Robinson Road',
      city: 'Singapore',
      postal_code: '068898',
      country: 'SG',
      phone: '+65 6123 4567',
      instructions: 'Leave it at the reception',
    },
    contact: { name: 'Tan Mei Ling', email: 'mei@example.sg', phone: '+65 6123 4567' },
  },
  'Only a card': { card: { number: '5555 5555 5555 4444', exp_month: 6, exp_year: 2032 } },
} as const
