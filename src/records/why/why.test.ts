import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ConfigError } from '../../config/config.ts'
import { parseInput } from '../../values/parse-input.ts'
import { createWhy, type WhyRules } from './why.ts'
import { loadWhyRules } from './why-rules.ts'

const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-why-'))
afterAll(() => rmSync(directory, { recursive: true }))

const parse = (said: object, rules?: WhyRules) =>
  parseInput(z.strictObject(createWhy(rules).whyMembers), { purpose: 'enforce-rights', ...said })
const refusal = (pointer: string, code = 'invalid-input') =>
  expect.objectContaining({ code, errors: [expect.objectContaining({ pointer })] })

describe('a ticket', () => {
  it.each(['CASE-1042', 'INC0012345678', 'ZD#20261129-000123', '7', 'a'.repeat(63).concat('1')])(
    'may be %s',
    (ticket) => {
      expect(parse({ ticket }).ticket).toBe(ticket)
    },
  )

  it.each(['CASE', 'as he asked', 'CASE-1\n', '#1', 'CASÉ-1', `${'a'.repeat(64)}1`])('is not %j', (ticket) => {
    expect(() => parse({ ticket })).toThrow(refusal('#/ticket'))
  })

  it('has the pattern that the operator sets, and is not a card number for that', async () => {
    const rules = await loadWhyRules({ ticketPattern: 'WARRANT:[a-z]+|\\d{16}' })
    expect(parse({ ticket: 'WARRANT:seven' }, rules).ticket).toBe('WARRANT:seven')
    expect(() => parse({ ticket: 'CASE-1042' }, rules)).toThrow(refusal('#/ticket'))
    expect(() => parse({ ticket: '4242424242424242' }, rules)).toThrow(refusal('#/ticket', 'card-number-in-text'))
  })

  it('has no pattern that takes too long', async () => {
    await expect(loadWhyRules({ ticketPattern: '(\\d+)+' })).rejects.toThrow(ConfigError)
    await expect(loadWhyRules({ ticketPattern: '(\\d+)+' })).rejects.toThrow(
      'STRONGROOM_TICKET_PATTERN can match a text in too many ways: repeat less in it.',
    )
  })
})

describe('an authority', () => {
  const authoritiesFile = path.join(directory, 'authorities.json')
  const fileWith = (content: string) => {
    writeFileSync(authoritiesFile, content)
    return loadWhyRules({ authoritiesFile })
  }

  it('may be any name without a list', () => {
    expect(parse({ authority: 'State Courts of Singapore' }).authority).toBe('State Courts of Singapore')
  })

  it.each([
    ['State Courts', 'State Courts'],
    ['STATE COURTS', 'State Courts'],
    ['préfecture de police', 'Préfecture de Police'],
    ['Pre\u0301fecture de Police', 'Préfecture de Police'],
  ])('is one of the list: %s is kept as %s', async (authority, kept) => {
    const rules = await fileWith('["State Courts", "Pre\u0301fecture de Police"]')
    expect(parse({ authority }, rules).authority).toBe(kept)
  })

  it('is no other than those of the list', async () => {
    const rules = await fileWith('["State Courts"]')
    expect(() => parse({ authority: 'State Court' }, rules)).toThrow(refusal('#/authority'))
    expect(parse({}, rules).authority).toBeUndefined()
  })

  it.each([
    ['[]', 'expected a JSON list of 1 to 1000 names'],
    ['{}', 'expected a JSON list of 1 to 1000 names'],
    ['["State Courts", "4242 4242 4242 4242"]', 'element 2 is not the name of an authority'],
    ['["State Courts"', 'is not well-formed JSON'],
  ])('has no list such as %s', async (content, message) => {
    await expect(fileWith(content)).rejects.toThrow(message)
  })

  it('has no list in a file that is not there', async () => {
    await expect(loadWhyRules({ authoritiesFile: path.join(directory, 'none.json') })).rejects.toThrow(ConfigError)
  })
})
