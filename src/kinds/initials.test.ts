import { describe, expect, it } from 'vitest'
import { firstGrapheme, initials } from './initials.ts'

describe('initials', () => {
  it.each([
    ['Tan Mei Ling', 'T.M.L.'],
    ['  Tan\r\nMei ', 'T.M.'],
    ['A B C D E F', 'A.B.C.D.'],
    ['陈美玲', '陈.'],
    ['E\u0301mile Zola', 'E\u0301.Z.'],
    ['👩‍👩‍👧 Family', '👩‍👩‍👧.F.'],
  ])('of %j are %j', (name, expected) => {
    expect(initials(name)).toBe(expected)
  })

  it('of no name are none', () => {
    expect(initials(undefined)).toBeUndefined()
  })
})

describe('firstGrapheme', () => {
  it('of an empty text is empty', () => {
    expect(firstGrapheme('')).toBe('')
  })
})
