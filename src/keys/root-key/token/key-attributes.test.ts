import { describe, expect, it } from 'vitest'
import { CK } from '../cryptoki.ts'
import { checkAttributes, keyTemplates, lacksOf } from './key-attributes.ts'

const RIGHT: Readonly<Record<number, boolean>> = {
  [CK.CKA_SENSITIVE]: true,
  [CK.CKA_ALWAYS_SENSITIVE]: true,
  [CK.CKA_NEVER_EXTRACTABLE]: true,
  [CK.CKA_LOCAL]: true,
  [CK.CKA_EXTRACTABLE]: false,
  [CK.CKA_WRAP]: false,
  [CK.CKA_UNWRAP]: false,
  [CK.CKA_MODIFIABLE]: false,
  [CK.CKA_COPYABLE]: false,
}

const NAMES = Object.keys(RIGHT).map((type) => {
  const name = Object.entries(CK).find(([key, value]) => key.startsWith('CKA_') && value === Number(type))![0]
  return [name, Number(type)] as const
})

const reading = (other: Record<number, boolean | undefined>) => (type: number) => ({ ...RIGHT, ...other })[type]
const since = { made: 'since', lacks: [] } as const
const before = { made: 'before' } as const

describe('the attributes of a root key', () => {
  it('are as they must be', () => {
    expect(checkAttributes(reading({}), since)).toEqual([])
    expect(checkAttributes(reading({}), before)).toEqual([])
  })

  it.each(NAMES)('refuse a key whose %s is wrong or not known to the token', (name, type) => {
    expect(() => checkAttributes(reading({ [type]: !RIGHT[type] }), since)).toThrow(`${name} is ${!RIGHT[type]}`)
    expect(() => checkAttributes(reading({ [type]: undefined }), since)).toThrow(`${name} is not known to the token`)
  })

  it('may lack what the token did not give when the key was made, and nothing else', () => {
    const lacks = ['CKA_COPYABLE']
    expect(checkAttributes(reading({ [CK.CKA_COPYABLE]: true }), { made: 'since', lacks })).toEqual(lacks)
    expect(() => checkAttributes(reading({ [CK.CKA_MODIFIABLE]: true }), { made: 'since', lacks })).toThrow(
      'CKA_MODIFIABLE is true',
    )
    // A record that was changed allows no more.
    const changed = { made: 'since', lacks: ['CKA_WRAP', 'CKA_LOCAL'] } as const
    expect(() => checkAttributes(reading({ [CK.CKA_WRAP]: true }), changed)).toThrow('CKA_WRAP is true')
    expect(() => checkAttributes(reading({ [CK.CKA_LOCAL]: false }), changed)).toThrow('CKA_LOCAL is false')
  })

  it('of a key of before may be wider, and what it lacks is said; it must have stayed inside all the same', () => {
    const wide = { [CK.CKA_WRAP]: true, [CK.CKA_UNWRAP]: true, [CK.CKA_MODIFIABLE]: true, [CK.CKA_COPYABLE]: undefined }
    expect(checkAttributes(reading(wide), before)).toEqual(['CKA_WRAP', 'CKA_UNWRAP', 'CKA_MODIFIABLE', 'CKA_COPYABLE'])
    for (const type of [CK.CKA_LOCAL, CK.CKA_ALWAYS_SENSITIVE, CK.CKA_NEVER_EXTRACTABLE]) {
      expect(() => checkAttributes(reading({ [type]: false }), before)).toThrow('can leave the token')
      expect(checkAttributes(reading({ [type]: undefined }), before)).toEqual([])
    }
    for (const type of [CK.CKA_SENSITIVE, CK.CKA_EXTRACTABLE]) {
      expect(() => checkAttributes(reading({ [type]: undefined }), before)).toThrow('can leave the token')
    }
  })

  it('that only some tokens have are those which a key may lack', () => {
    expect(lacksOf(reading({}))).toEqual([])
    expect(lacksOf(() => undefined)).toEqual(['CKA_MODIFIABLE', 'CKA_COPYABLE'])
    expect(lacksOf(reading({ [CK.CKA_WRAP]: true, [CK.CKA_COPYABLE]: true }))).toEqual(['CKA_COPYABLE'])
  })
})

describe('the templates of a root key', () => {
  it('ask for everything that can be asked for, and leave out only what is optional', () => {
    const asked = keyTemplates().map((template) => new Map(template.map(({ type, value }) => [type, value])))
    const optional = [CK.CKA_MODIFIABLE, CK.CKA_COPYABLE] as number[]
    const made = [CK.CKA_ALWAYS_SENSITIVE, CK.CKA_NEVER_EXTRACTABLE, CK.CKA_LOCAL] as number[]
    for (const [, type] of NAMES.filter(([, type]) => !made.includes(type))) {
      expect(asked[0]!.get(type)).toBe(RIGHT[type])
      if (!optional.includes(type)) expect(asked.every((template) => template.get(type) === RIGHT[type])).toBe(true)
    }
    expect(asked.map((template) => optional.filter((type) => template.has(type)).length)).toEqual([2, 1, 1, 0])
  })
})
