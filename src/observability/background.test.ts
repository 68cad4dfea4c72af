import { expect, it, vi } from 'vitest'
import { LogChanged } from '../audit/log/log-end.ts'
import { KeyTransitionError } from '../keys/key/key-state.ts'
import { VaultError } from '../values/vault-error.ts'
import { type Background, createBackground } from './background.ts'

const HOUR = 60 * 60 * 1_000

/** A reason without the place where it was thrown. */
const said = (reason: unknown) => String(reason).replace(/^VaultError: | at .*$/g, '')

/** Background work, and all that is said of it. */
function observed() {
  const told: string[] = []
  const clock = { ms: 0 }
  const background: Background = createBackground({
    alert: (code, facts) => told.push(`${code} ${facts.task} ${said(facts.reason)}`),
    now: () => new Date(clock.ms),
    log: ({ task, reason }) => told.push(`log ${task} ${said(reason)}`),
    count: (task) => told.push(`count ${task}`),
  })
  return { background, told, clock }
}

const seldom = { everyMs: HOUR }

it('a failure is counted, an alert and a line, each with the name of the task', async () => {
  const { background, told } = observed()
  const task = background.every('sweep-spent-ids', seldom, () => Promise.reject(new VaultError('no right')))
  await task.run()
  expect(told).toEqual([
    'count sweep-spent-ids',
    'background-task-failed sweep-spent-ids no right',
    'log sweep-spent-ids no right',
  ])
  await background.close()
})

it.each([
  [new LogChanged('there are two logs of 7 leaves'), 'LogChanged: there are two logs of 7 leaves'],
  [new KeyTransitionError('key_1 is active'), 'KeyTransitionError: key_1 is active'],
  [new Error('Key (number)=(4242424242424242) already exists.'), 'Error'],
])('the message of an error of ours is logged, and no other: %s', (error, expected) => {
  const { background, told } = observed()
  background.failed('watch-log-end', error)
  expect(told).toContain(`log watch-log-end ${expected}`)
  expect(told.join()).not.toContain('4242')
})

it('the same failure again is counted only; another reason is one more line; after a day it is one more alert', async () => {
  const { background, told, clock } = observed()
  let reason = 'no right'
  const task = background.every('sweep-spent-ids', seldom, () => Promise.reject(new VaultError(reason)))
  await task.run()
  told.length = 0
  await task.run()
  expect(told).toEqual(['count sweep-spent-ids'])
  reason = 'no table'
  await task.run()
  expect(told.slice(1)).toEqual(['count sweep-spent-ids', 'log sweep-spent-ids no table'])
  told.length = 0
  clock.ms = 24 * HOUR
  await task.run()
  expect(told).toEqual(['count sweep-spent-ids', 'background-task-failed sweep-spent-ids no table'])
  await background.close()
})

it('a task that has worked in between alerts again, and one task says nothing of another', async () => {
  const { background, told } = observed()
  const isBroken = { spent: true, budgets: true }
  const fail = (broken: boolean) => (broken ? Promise.reject(new VaultError('no right')) : Promise.resolve())
  const spent = background.every('sweep-spent-ids', seldom, () => fail(isBroken.spent))
  const budgets = background.every('sweep-budgets', seldom, () => fail(isBroken.budgets))
  await spent.run()
  await budgets.run()
  isBroken.spent = false
  await spent.run()
  isBroken.spent = true
  told.length = 0
  await budgets.run()
  await spent.run()
  expect(told.filter((line) => line.startsWith('background'))).toEqual([
    'background-task-failed sweep-spent-ids no right',
  ])
  await background.close()
})

it('a task that goes on for as long as it works says so itself, and alerts again when it ends', async () => {
  const { background, told } = observed()
  const work = (worked: () => void) => {
    worked()
    return Promise.reject(new VaultError('lost'))
  }
  const task = background.every('sequence-audit-log', seldom, work)
  await task.run()
  await task.run()
  expect(told.filter((line) => line.startsWith('background'))).toHaveLength(2)
  await background.close()
})

it('what throws before it promises anything is a failure like any other', async () => {
  const { background, told } = observed()
  const task = background.every('watch-keys', seldom, () => {
    throw new VaultError('at once')
  })
  await task.run()
  expect(told).toContain('background-task-failed watch-keys at once')
  await background.close()
})

it('is repeated, whether it fails or not, never twice at a time, and not after the end', async () => {
  const { background } = observed()
  let running = 0
  let most = 0
  let times = 0
  background.every('watch-audit-log', { everyMs: 1, firstMs: 0 }, async () => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setImmediate(resolve))
    running--
    times++
    if (times % 2 === 0) throw new VaultError('every second time')
  })
  await vi.waitUntil(() => times >= 5)
  await Promise.all([1, 2, 3].map(() => background.tasks.get('watch-audit-log')!.run()))
  await background.close()
  const done = times
  expect([running, most]).toEqual([0, 1])
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(times).toBe(done)
})
