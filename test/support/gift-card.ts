import { z } from 'zod'
import { comparisons } from '../../src/kinds/comparison.ts'
import { correctionSchema } from '../../src/kinds/correction.ts'
import { email, emailSearch } from '../../src/kinds/email.ts'
import { initials, initialsSchema } from '../../src/kinds/initials.ts'
import type { KindDefinition } from '../../src/kinds/kind.ts'
import { optionalMembers } from '../../src/kinds/optional-members.ts'
import { text } from '../../src/kinds/text.ts'

const CODE = /^[A-Z0-9]{12}$/

const codeOf = (typed: string) => typed.toUpperCase().replace(/[\s-]/g, '')

const code = z.string().overwrite(codeOf).regex(CODE).meta({ description: 'Code, 12 letters and digits' })
const value = z.int().min(1).max(1_000_000).meta({ description: 'Value in cents' })
const optional = { name: text(100).meta({ description: 'Recipient' }), email }

const schema = z.strictObject({ code, value, ...optionalMembers(optional) })

/**
 * A kind that the vault does not have: `test/e2e/add-a-kind.test.ts` puts this file into a copy of `src/kinds`. It uses
 * what the vault's own kinds have in common, and has names of its own for everything that a kind can name.
 */
export const giftCard = {
  name: 'gift_card',
  called: 'a gift card',
  privacyTerms: ['pd:PaymentCard'],
  tokenPrefix: 'gift',
  checkout: { gift_card: { use: 'gift' }, refund: { use: 'refund' } },
  schema: () => schema,
  correction: correctionSchema({ value }, optional),
  corrected: 'the value of a gift card',
  fields: ['code', 'value', 'name', 'email'],
  neededBy: { fulfilment: ['name', 'email'] },
  boundFields: ['code'],
  padToBytes: 128,
  display: ({ code, value, name }) => ({ code_last4: code.slice(-4), value, initials: initials(name) }),
  views: { masked: ['code_last4', 'value', 'initials'], 'code-last4': ['code_last4'], initials: ['initials'] },
  mask: ({ code_last4, value, initials }) => ({ code: `••••${code_last4}`, value, initials }),
  searchBy: {
    email: emailSearch,
    gift_code: {
      called: 'gift code',
      confirms: 'code',
      term: ({ code }) => code,
      normalise: (typed) => [codeOf(typed)].filter((code) => CODE.test(code)),
    },
  },
  comparable: {
    last4: { ...comparisons.last4, of: ({ code }) => code.slice(-4), isShownMasked: true },
    name: { ...comparisons.name, of: ({ name }) => name },
    value: {
      input: z.string().regex(/^[0-9]+$/),
      form: (cents) => (typeof cents === 'string' ? cents : undefined),
      of: ({ value }) => String(value),
    },
  },
  answers: {
    masked: z.object({ code: z.string(), value, initials: initialsSchema }),
    revealed: z.object({ code, value, ...optional, code_last4: z.string(), initials: initialsSchema }).partial(),
  },
} as const satisfies KindDefinition<z.output<typeof schema>>
