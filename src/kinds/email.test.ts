import { describe, expect, it } from 'vitest'
import { email, emailForms } from './email.ts'

describe('an e-mail address as it is typed', () => {
  it.each([
    ['mei＠example.sg', 'mei@example.sg'],
    ['用户@例子。广告', '用户@例子.广告'],
    ['mei@bücher．example', 'mei@bücher.example'],
    ['mei@bu\u0308cher.example', 'mei@bücher.example'],
    ['名。字@例え.テスト', '名。字@例え.テスト'],
  ])('%s is kept as %s', (typed, kept) => {
    expect(email.parse(typed)).toBe(kept)
  })

  it.each(['mei＠a＠b.sg', 'mei＠', '＠example.sg', 'example.sg', 'mei@example'])('%s is none', (typed) => {
    expect(email.safeParse(typed).success).toBe(false)
  })
})

describe('one mailbox', () => {
  it.each([
    ['mei8@bücher.example', 'mei8@xn--bcher-kva.example'],
    ['Mei8@BÜCHER.Example', 'MEI8@XN--BCHER-KVA.EXAMPLE'],
    ['mei@mail.例え.テスト', 'mei@mail.xn--r8jz45g.xn--zckzah'],
    ['علی@نامه\u200Cای.example', 'علی@xn--mgba3gch31f060k.example'],
    ['mei@straße.example', 'mei@xn--strae-oqa.example'],
    ['mei@ｂücher.example', 'mei@bücher.example'],
  ])('is %s and %s', (one, other) => {
    expect(emailForms(one)[0]).toBe(emailForms(other)[0])
  })

  it('is found under the spellings that versions before kept', () => {
    expect(emailForms('mei8@xn--bcher-kva.example')).toContain('mei8@bücher.example')
    expect(emailForms('mei8@bücher.example')).toContain('mei8@bücher.example')
    expect(emailForms('mei8@bücher.example')[0]).toBe('mei8@xn--bcher-kva.example')
  })
})

describe('two mailboxes', () => {
  it.each([
    ['mei@straße.example', 'mei@strasse.example'],
    ['mei@bücher.example', 'mei@bucher.example'],
    ['mei@example.sg', 'mei@ex%61mple.sg'],
    ['mei@bücher.example', 'mei@bücher.example/x'],
    ['mei@1.2', 'mei@1.0.0.2'],
    ['bücher@example.sg', 'xn--bcher-kva@example.sg'],
  ])('are %s and %s', (one, other) => {
    expect(emailForms(one).filter((form) => emailForms(other).includes(form))).toEqual([])
  })

  it.each(['mei@xn--a.example', 'mei@xn--.example', 'mei@-ü-.example', `mei@${'ü'.repeat(64)}.example`])(
    '%s has a form, whatever its domain is',
    (address) => {
      expect(emailForms(address)[0]).toMatch(/^mei@.+\.example$/)
    },
  )
})
