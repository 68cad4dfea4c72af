import { expect, it } from 'vitest'
import { QUERY_TIMEOUT_MS } from '../../database/database.ts'
import { keyTimes } from './key-times.ts'

const { lookEveryMs, ringMaxAgeMs, statementMs } = keyTimes

it('a server may miss several looks at the registry before it has to stop sealing', () => {
  expect(ringMaxAgeMs).toBeGreaterThanOrEqual(4 * lookEveryMs)
})

it('a key is destroyed only after a statement under way has been given up, with time to spare', () => {
  expect(statementMs).toBeGreaterThanOrEqual(1.2 * QUERY_TIMEOUT_MS)
})
