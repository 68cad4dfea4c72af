import { expect, it } from 'vitest'
import { noDictionary } from '../../../test/support/no-dictionary.ts'
import type { Queryable } from '../../database/database.ts'
import { Problem } from '../../values/problem.ts'
import type { Caller } from '../policy/caller.ts'
import type { Presumption } from '../policy/presumption.ts'
import { proveCaller } from './check-caller-status.ts'
import { rememberProofs, settlePresumed } from './presumption-store.ts'

const VERSION = '019ad0f5-2f4c-7000-8000-000000000001'
const jti = { id: Buffer.alloc(32, 7), expiresAt: new Date('2026-11-22T10:05:00Z') }
const presume = (): Presumption => ({ accessVersion: VERSION, jti, isProven: false })
const unavailable = new Problem('database-unavailable')

it('a proof does not count when it cannot be found out whether it is the first', async () => {
  const presumption = presume()
  const db: Queryable = { query: () => Promise.reject(unavailable), dictionary: noDictionary }
  await expect(rememberProofs(db, [presumption])).rejects.toBe(unavailable)
  expect(presumption).toEqual(presume())
})

it('a proof that the table already has does not count', async () => {
  const presumption = presume()
  const query = async <Row>() => [{ version: VERSION, proven: [] }] as Row[]
  const { faults } = await rememberProofs({ query, dictionary: noDictionary }, [presumption])
  expect(faults).toEqual([expect.objectContaining({ code: 'unauthenticated' })])
  expect(presumption).toEqual(presume())
})

it('a call that its statement did not prove has an error, and stays unproven', () => {
  const presumptions = [presume(), presume()]
  const faults = settlePresumed(
    presumptions,
    (call) => call === 1,
    () => true,
  )
  expect(faults).toEqual([expect.objectContaining({ code: 'unauthenticated' }), undefined])
  expect(presumptions).toEqual([presume(), { accessVersion: VERSION, jti: undefined, isProven: true }])
})

it('a caller stays unproven when the database does not answer', async () => {
  const caller = { presumption: presume() } as Caller
  const statuses = { ask: () => Promise.reject(unavailable), presume: () => undefined }
  await expect(proveCaller({ statuses }, caller)).rejects.toBe(unavailable)
  expect(caller.presumption).toEqual(presume())
})
