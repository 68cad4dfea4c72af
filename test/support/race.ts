import type { Response } from 'supertest'
import { expect } from 'vitest'
import { placedEvents } from './log-order.ts'
import type { TestVault } from './test-vault.ts'

/** When a call began: before the end was acknowledged, or after. */
export type Moment = 'before' | 'after'

const CALLERS = 12

/**
 * Repeats a call on every server until after `end` was acknowledged; each caller makes one call more. Answers with the statuses of
 * what began before and after.
 *
 * @param call is asked for a first time before `end` begins, so that at least one call began before
 */
export async function race(
  servers: readonly [TestVault, ...TestVault[]],
  call: (on: TestVault, when: Moment) => Promise<Response>,
  end: () => Promise<unknown>,
): Promise<Record<Moment, number[]>> {
  const statuses: Record<Moment, number[]> = { before: [], after: [] }
  let isAcknowledged = false
  const once = async (on: TestVault) => {
    const when = isAcknowledged ? 'after' : 'before'
    statuses[when].push((await call(on, when)).status)
  }
  const callers = Array.from({ length: CALLERS }, async (_, at) => {
    const on = servers[at % servers.length]!
    while (!isAcknowledged) await once(on)
    await once(on)
  })
  await once(servers[0])
  await end()
  isAcknowledged = true
  await Promise.all(callers)
  return statuses
}

export const served = (statuses: readonly number[]) => statuses.filter((status) => status === 200).length

/** In the log, nothing of the record left after its last event of that type, and each release that was served is there. */
export async function expectNoneLater(vault: TestVault, token: string, { end, release, count }: ExpectedOrder) {
  const events = (await placedEvents(vault, token)).filter(({ outcome }) => outcome === 'success')
  const last = events.findLast(({ type }) => type === end)
  expect(last, end).toBeDefined()
  const releases = events.filter(({ type }) => type === release)
  expect(releases).toHaveLength(count)
  expect(releases.filter(({ position }) => position > last!.position)).toEqual([])
}

interface ExpectedOrder {
  /** The type of the event of what ended the releases. */
  end: string
  /** The type of the events of the releases, and how many were served. */
  release: string
  count: number
}
