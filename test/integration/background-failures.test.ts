import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TaskName } from '../../src/observability/background.ts'
import { TestVault } from '../support/test-vault.ts'

/** More than two statements of a sweep remove. */
const MANY = 2_500

let vault: TestVault
beforeEach(async () => {
  vault = await TestVault.start()
})
afterEach(async () => {
  await vault.checkInvariants()
  await vault.stop()
})

interface Line {
  alert?: string
  task?: string
}
const lines = () => vault.logLines.map((line) => JSON.parse(line) as Line)
const failuresOf = (task: TaskName) =>
  lines().filter((line) => line.alert === 'background-task-failed' && line.task === task)

const run = (name: TaskName, on = vault) => on.background.tasks.get(name)!.run()

describe('a task that fails', () => {
  it.each<[TaskName, string]>([
    ['sweep-spent-ids', 'spent_ids'],
    ['sweep-budgets', 'budget_records'],
    ['sweep-approvals', 'approvals'],
    ['sweep-idempotency-keys', 'idempotency_keys'],
    ['sweep-rate-limits', 'rate_limits'],
  ])('%s is an alert that names it, once, and again when it has worked in between', async (name, table) => {
    const may = (verb: 'GRANT' | 'REVOKE') =>
      vault.database.sql(`${verb} DELETE ON ${table} ${verb === 'GRANT' ? 'TO' : 'FROM'} strongroom_runtime`)
    await may('REVOKE')
    await run(name)
    await run(name)
    expect(failuresOf(name)).toEqual([expect.objectContaining({ level: 'error', reason: expect.any(String) })])
    expect(lines()).toContainEqual(expect.objectContaining({ msg: 'background task failed', task: name }))
    const { body } = await vault.metrics.text()
    expect(body).toContain(`strongroom_background_failures_total{task="${name}"} 2`)
    expect(body).toContain('strongroom_alerts_total{alert="background-task-failed"} 1')
    await may('GRANT')
    await run(name)
    await may('REVOKE')
    await run(name)
    expect(failuresOf(name)).toHaveLength(2)
    await may('GRANT')
  })

  it('of several servers that sweep at once none waits for another, and all is removed', async () => {
    const other = await TestVault.start({ sharedDatabase: vault.database })
    try {
      await vault.database.sql(
        `INSERT INTO spent_ids SELECT sha256(at::text::bytea), now() FROM generate_series(1, ${MANY}) at`,
      )
      await Promise.all([run('sweep-spent-ids'), run('sweep-spent-ids', other)])
      await run('sweep-spent-ids')
      expect(await vault.count('spent_ids')).toBe(0)
      expect(failuresOf('sweep-spent-ids')).toEqual([])
      expect(other.logLines.join('')).not.toContain('background-task-failed')
    } finally {
      await other.stop()
    }
  })
})
