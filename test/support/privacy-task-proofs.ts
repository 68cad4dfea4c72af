import { expect } from 'vitest'
import type { TaskName } from '../../src/observability/background.ts'
import { CheckoutShop } from './checkout-shop.ts'
import { answers, type Processor } from './processor.ts'
import { shippingAddress } from './samples.ts'
import type { TestVault } from './test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY = 24 * 60 * 60 * 1000

/** What the tasks do that keep promises to shoppers, as `background-tasks.test.ts` wants it of every task. */
export function privacyTaskProofs(
  vault: () => TestVault,
  receiver: () => Processor,
  run: (name: TaskName) => Promise<void>,
) {
  /** A correction of what a partner without a receiver was given. */
  async function queueNotice(): Promise<void> {
    const { id } = await vault().commands.addPartner(OPERATOR, {
      ...{
        name: 'Carrier',
        country: 'MY',
        contact: 'Despatch',
        purposes: ['provide-goods'],
        fields: ['address.line1'],
      },
      ends_at: new Date(Date.now() + 800 * DAY),
    })
    const { token } = (await vault().tokenize({ shipping_address: shippingAddress })).shipping_address!
    const carrier = await vault().clientToken(['address:reveal'], { role: 'fulfilment', partner: id })
    await vault().call('POST', `/v1/tokens/${token}/reveal`, { token: carrier, body: { purpose: 'provide-goods' } })
    const officer = await vault().staffToken('privacy-officer')
    await vault().call('PATCH', `/v1/tokens/${token}`, { token: officer, body: { line1: 'Elsewhere 1' } })
    expect(await vault().count('notices')).toBe(1)
  }

  return {
    async 'send-alerts'() {
      receiver().received.length = 0
      receiver().answer = answers.success
      const { token } = (await vault().tokenize({ shipping_address: shippingAddress })).shipping_address!
      await vault().database.sql('UPDATE readable.records SET display_sealed = secret_sealed WHERE token = $1', [token])
      await vault().call('GET', `/v1/tokens/${token}`, { token: await vault().staffToken('privacy-officer') })
      await expect
        .poll(async () => {
          await run('send-alerts')
          return receiver().received.map(({ body }) => JSON.parse(body).alert)
        })
        .toContain('record-integrity')
    },

    async 'send-notices'() {
      await queueNotice()
      await run('send-notices')
      const [row] = await vault().database.sql<{ fault: string }>('SELECT fault FROM notices')
      expect(row!.fault).toBe('no receiver is configured for the partner')
    },

    async 'sweep-notices'() {
      await vault().database.sql(
        `INSERT INTO notices (created_at, next_at, delivered_at, id, event)
         SELECT now(), now(), CASE WHEN at > 1 THEN now() END, at::text, 'evt_0' FROM generate_series(1, 2500) at`,
      )
      vault().clockOffsetMs = 91 * DAY
      await run('sweep-notices')
      expect(await vault().database.sql('SELECT id FROM notices')).toEqual([{ id: '1' }])
    },

    async 'store-visits'() {
      const { id } = await (await CheckoutShop.open(vault())).session({})
      await vault().call('GET', `/checkout/${id}`)
      await run('store-visits')
      const rows = await vault().database.sql(`SELECT measure FROM visit_counts WHERE measure LIKE 'views:%'`)
      expect(rows).toEqual([{ measure: 'views:hosted' }])
    },
  }
}
