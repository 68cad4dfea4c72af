import { describe, expect, it } from 'vitest'
import { ConfigError } from '../config/config.ts'
import { DatabaseError } from '../database/database-error.ts'
import { SealError } from '../keys/sealing/seal-context.ts'
import { Problem } from '../values/problem.ts'
import { createLogger, describeError, logRequest, type RequestLine } from './logger.ts'

const NUMBER = '4242424242424242'

function lines(level: string, log: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const written: string[] = []
  log(createLogger(level, { write: (line: string) => void written.push(line) }))
  return written.map((line) => JSON.parse(line) as Record<string, unknown>)
}

const line: RequestLine = {
  request_id: 'req_1',
  method: 'GET',
  route: '/v1/tokens/:token',
  status: 200,
  duration_ms: 1.25,
}

describe('logRequest', () => {
  it('writes one JSON line with the fields of the request, its time and its level, and nothing of the machine', () => {
    const [written, ...others] = lines('info', (logger) => logRequest(logger, line))
    expect(written).toEqual({ level: 'info', time: expect.any(String), ...line, msg: 'request' })
    expect(written!.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(others).toEqual([])
  })

  it.each([
    [200, 'info'],
    [404, 'info'],
    [499, 'info'],
    [500, 'error'],
    [503, 'error'],
  ])('writes a %i at level %s', (status, level) => {
    expect(lines('info', (logger) => logRequest(logger, { ...line, status }))).toMatchObject([{ status, level }])
  })

  it('writes only what its level lets through', () => {
    const both = (logger: ReturnType<typeof createLogger>) => {
      logRequest(logger, line)
      logRequest(logger, { ...line, status: 500 })
    }
    expect(lines('error', both)).toMatchObject([{ status: 500 }])
    expect(lines('silent', both)).toEqual([])
  })

  it('leaves out absent fields, and stays one line', () => {
    const [written] = lines('info', (logger) =>
      logRequest(logger, { ...line, code: undefined, caller: 'staff:a\nb\r\n{"level":"fake"}' }),
    )
    expect(written).not.toHaveProperty('code')
    expect(written!.caller).toBe('staff:a\nb\r\n{"level":"fake"}')
  })
})

describe('describeError', () => {
  it.each([
    ['Problem: record-integrity', new Problem('record-integrity')],
    ['SealError: sealed value was changed', new SealError('sealed value was changed')],
    ['DatabaseError: statement failed with SQLSTATE 23505 on clients_pkey', new DatabaseError('23505', 'clients_pkey')],
    ['ConfigError: DATABASE_URL is not usable', new ConfigError('DATABASE_URL is not usable')],
  ])('repeats the message of our own errors: %s', (expected, error) => {
    const described = describeError(error)
    expect(described.startsWith(expected)).toBe(true)
    expect(described).toMatch(/ at .+logger\.test\.ts:\d+:\d+\)?$/)
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
      'an error whose message is laid out like a stack',
      () => {
        throw new Error(`unexpected\n    at ${NUMBER}\n    at ${NUMBER} (file.js:1:1)`)
      },
    ],
    [
      'an error with a cause',
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
    expect(described).toMatch(/^(Syntax|Type)?Error at /)
    expect(described).not.toContain('4242')
  })

  it.each([NUMBER, 4242, { number: NUMBER }, null, undefined])('says nothing of what is no Error', (thrown) => {
    expect(describeError(thrown)).toBe('a value that is not an Error was thrown')
  })

  it('manages without a stack', () => {
    expect(describeError(Object.assign(new SealError('too short'), { stack: undefined }))).toBe('SealError: too short')
  })
})
