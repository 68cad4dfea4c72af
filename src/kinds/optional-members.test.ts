import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createKinds } from './kinds.ts'
import { optionalMembers } from './optional-members.ts'

const kinds = createKinds(() => new Date('2026-11-24T00:00:00Z'))

describe.each(['', ' ', '\u200B\t', null, undefined])('an optional member that is %j', (blank) => {
  it('is the same as one that was left out', () => {
    const address = { line1: '1 Raffles Place', country: 'SG' }
    expect(kinds.address.schema.parse({ ...address, line2: blank, phone: blank, name: blank })).toEqual(
      kinds.address.schema.parse(address),
    )
    const card = { number: '4242424242424242', exp_month: 12, exp_year: 2031 }
    expect(kinds.card.schema.parse({ ...card, holder_name: blank })).toEqual(kinds.card.schema.parse(card))
    const contact = { email: 'mei@example.sg' }
    expect(kinds.contact.schema.parse({ ...contact, phone: blank })).toEqual(kinds.contact.schema.parse(contact))
  })

  it('does not stand in for one that is required', () => {
    const { success } = kinds.address.schema.safeParse({ line1: blank, country: 'SG' })
    expect(success).toBe(false)
    expect(kinds.contact.schema.safeParse({ name: blank, email: blank }).success).toBe(false)
  })
})

it('keeps the codes and the description of the member', () => {
  const schema = z.strictObject(optionalMembers({ name: z.string().max(3).describe('a name') }))
  expect(schema.safeParse({ name: 'long' }).error?.issues[0]).toMatchObject({ code: 'too_big', path: ['name'] })
  expect(z.toJSONSchema(schema, { io: 'input' })).toMatchObject({
    properties: { name: { type: 'string', maxLength: 3, description: 'a name' } },
  })
  expect(z.toJSONSchema(schema, { io: 'input' }).required ?? []).toEqual([])
})
