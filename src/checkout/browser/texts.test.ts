import { describe, expect, it } from 'vitest'
import { PROBLEM_CODES } from '../../values/problem-codes.ts'
import { textOfCode, textOfConsent, textsFor } from './texts.ts'

describe('the texts', () => {
  it.each(['en', 'zh', 'ar'])('are complete in %s', (language) => {
    const texts = textsFor(language)
    expect(texts.language).toBe(language)
    expect(Object.keys(texts).sort()).toEqual(Object.keys(textsFor('en')).sort())
    for (const text of Object.values(texts)) expect(text).not.toBe('')
  })

  it('are found by any tag of the language, and are English for others', () => {
    expect(textsFor('zh-Hant-HK').pay).toBe(textsFor('zh').pay)
    expect(textsFor('AR-EG').pay).toBe(textsFor('ar').pay)
    expect(textsFor('fr').pay).toBe(textsFor('en').pay)
  })

  it("may be a shop's own, by their names", () => {
    const texts = textsFor('fr', { pay: 'Continuer', unknown: 'x', toString: 'x' })
    expect(texts.pay).toBe('Continuer')
    expect(Object.keys(texts)).not.toContain('unknown')
    expect(textsFor('en', { pay: 'x'.repeat(1000) }).pay).toHaveLength(300)
  })

  it.each(['store-card', 'store_card', 'Store.Card2'])('may say what the consent %s is for', (name) => {
    expect(textOfConsent(textsFor('en', { [`consent-${name}`]: 'Keep my card' }), name)).toBe('Keep my card')
  })

  it('have one for every code of the vault', () => {
    for (const code of PROBLEM_CODES) expect(textOfCode(textsFor('en'), code)).toMatch(/^[A-Z]/)
  })
})
