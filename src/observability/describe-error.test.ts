import { describe, expect, it } from 'vitest'
import { LogChanged } from '../audit/log/log-end.ts'
import { ConfigError } from '../config/config.ts'
import { DatabaseError } from '../database/database-error.ts'
import { KeyTransitionError } from '../keys/key/key-state.ts'
import { SealError } from '../keys/sealing/seal-context.ts'
import { Problem } from '../values/problem.ts'
import { VaultError } from '../values/vault-error.ts'
import { describeError, reasonOf } from './describe-error.ts'

const NUMBER = '4242424242424242'

describe('describeError', () => {
  it.each([
    ['Problem: record-integrity', new Problem('record-integrity')],
    ['SealError: sealed value was changed', new SealError('sealed value was changed')],
    ['DatabaseError: statement failed with SQLSTATE 23505 on clients_pkey', new DatabaseError('23505', 'clients_pkey')],
    ['ConfigError: DATABASE_URL is not usable', new ConfigError('DATABASE_URL is not usable')],
    ['LogChanged: there are two logs of 7 leaves', new LogChanged('there are two logs of 7 leaves')],
    ['KeyTransitionError: k is active', new KeyTransitionError('k is active')],
    ['VaultError: a class of its own is not needed', new VaultError('a class of its own is not needed')],
  ])('repeats the message of our own errors: %s', (expected, error) => {
    const described = describeError(error)
    expect(described.startsWith(expected)).toBe(true)
    expect(described).toMatch(/ at .+describe-error\.test\.ts:\d+:\d+\)?$/)
  })

  it.each([
    ['V8', () => JSON.parse(`{"number":x${NUMBER}}`)],
    [
      'PostgreSQL',
      () => {
        throw Object.assign(new Error(`invalid input syntax: "${NUMBER}"`), { detail: `Key (n)=(${NUMBER})` })
      },
    ],
    [
      'a library whose message is laid out like a stack',
      () => {
        throw new Error(`unexpected\n    at ${NUMBER}\n    at ${NUMBER} (file.js:1:1)`)
      },
    ],
    [
      'a library that uses the name of ours',
      () => {
        throw Object.assign(new Error(NUMBER), { name: 'SealError' })
      },
    ],
    [
      'a library with a cause',
      () => {
        throw new TypeError(NUMBER, { cause: new Error(NUMBER) })
      },
    ],
  ])('tells only the name and the place of an error by %s', (_whose, fail) => {
    let described = ''
    try {
      fail()
    } catch (error) {
      described = describeError(error)
    }
    expect(described).toMatch(/^(Syntax|Type|Seal)?Error at /)
    expect(described).not.toContain('4242')
  })

  it.each([NUMBER, 4242, { number: NUMBER }, null, undefined])('says nothing of what is not an Error', (thrown) => {
    expect(describeError(thrown)).toBe('a value that is not an Error was thrown')
  })

  it('manages without a stack', () => {
    expect(describeError(Object.assign(new SealError('too short'), { stack: undefined }))).toBe('SealError: too short')
  })
})

describe('reasonOf', () => {
  it.each([
    [new ConfigError('DATABASE_URL is not usable'), 'DATABASE_URL is not usable'],
    [new TypeError(NUMBER), 'TypeError'],
    [NUMBER, 'unknown'],
  ])('of %o is %s', (error, reason) => {
    expect(reasonOf(error)).toBe(reason)
  })
})
