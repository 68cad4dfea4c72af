import { describe, expect, it } from 'vitest'
import { acceptedVariables, contrast, DARK, isReadable, LIGHT, paletteWith } from './appearance.ts'

describe('the appearance', () => {
  it('can be read in both themes', () => {
    expect(isReadable(LIGHT)).toBe(true)
    expect(isReadable(DARK)).toBe(true)
  })

  it('has a closed list of variables, each with a form', () => {
    const given = {
      'color-text': '#102030',
      'border-radius': '4px',
      theme: 'dark',
      'font-size': '12px',
      'color-background': 'red; background: url(https://evil.example)',
      content: 'x',
      constructor: '1px',
      spacing: 12,
    }
    expect(acceptedVariables(given)).toEqual({ 'color-text': '#102030', 'border-radius': '4px', theme: 'dark' })
  })

  it('takes a pair of colours that can be read', () => {
    const palette = paletteWith(LIGHT, { 'color-text': '#3a0ca3', 'color-background': '#fff8e7' })
    expect(palette).toMatchObject({ text: '#3a0ca3', background: '#fff8e7', error: LIGHT.error })
  })

  it('takes colours that can be read together, though not each with those of the theme', () => {
    const dark = { 'color-text': '#ffffff', 'color-background': '#0b1020', 'color-error': '#ff9a9a' }
    expect(paletteWith(LIGHT, dark)).toMatchObject({ text: '#ffffff', background: '#0b1020', error: '#ff9a9a' })
    const light = { 'color-text': '#112233', 'color-background': '#eeeeee', 'color-border': '#556677' }
    expect(paletteWith(DARK, light)).toMatchObject({ text: '#112233', background: '#eeeeee', border: '#556677' })
  })

  it('has errors that can be read on the background of the shop', () => {
    const palette = paletteWith(LIGHT, { 'color-text': '#ffffff', 'color-background': '#0b1020' })
    expect(palette).toMatchObject({ background: '#0b1020', error: DARK.error })
    expect(isReadable(palette)).toBe(true)
  })

  it.each([
    [{ 'color-text': '#cccccc' }],
    [{ 'color-background': '#1a1f2b' }],
    [{ 'color-accent': '#ffff00' }],
    [{ 'color-error': '#ffdddd' }],
  ])('does not take %o, which cannot', (variables) => {
    expect(paletteWith(LIGHT, variables)).toEqual(LIGHT)
  })

  it('knows the contrast of colours (WCAG 2.2)', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21)
    expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2)
    expect(contrast('#ffffff', '#ffffff')).toBe(1)
  })
})
