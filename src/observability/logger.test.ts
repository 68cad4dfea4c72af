import { describe, expect, it } from 'vitest'
import { createLogger, logRequest, type RequestLine } from './logger.ts'

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
