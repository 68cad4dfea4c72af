import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { stopSchemaWatch } from '../support/stop-schema-watch.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
beforeAll(async () => {
  vault = await TestVault.start()
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

describe('a command that failed', () => {
  it('is counted in the gap while the log cannot be written, by the server beside it', async () => {
    const gapped = await TestVault.start({ sharedDatabase: vault.database })
    await stopSchemaWatch(gapped)
    const operator = { id: 'operator:ada', kind: 'operator', source: 'host:desk' } as const
    const before = (await vault.events({ type: 'audit.gap' })).length
    await vault.database.sql('REVOKE INSERT ON audit_events FROM strongroom_runtime')
    try {
      await gapped.takeFailure(operator, { command: 'keys status', code: 'database-unavailable' })
    } finally {
      await vault.database.sql('GRANT INSERT ON audit_events TO strongroom_runtime')
    }
    const gaps = async () => (await vault.events({ type: 'audit.gap' })).slice(before)
    await vi.waitFor(async () => expect(await gaps()).toMatchObject([{ count: 1 }]), { timeout: 20_000, interval: 100 })
    await gapped.stop()
  })

  it('leaves no more events than refusals do', async () => {
    const config = { limits: { strangers: { perSource: 2, inAll: 100 } } }
    const strict = await TestVault.start({ sharedDatabase: vault.database, config })
    const operator = { id: 'operator:bo', kind: 'operator', source: 'host:loop' } as const
    for (let times = 0; times < 5; times++) {
      await strict.takeFailure(operator, { command: 'clients list', code: 'wrong-usage' })
    }
    await strict.stop()
    expect(await vault.events({ route: 'clients list' })).toHaveLength(2)
    const [summary] = (await vault.events({ code: 'too-many-requests', outcome: 'failed' })).slice(-1)
    expect(summary).toMatchObject({ count: 3, sources: ['host:loop'] })
  })
})
