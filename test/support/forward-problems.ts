import type { Response } from 'supertest'
import { Forwarding } from './forwarding.ts'
import { answers } from './processor.ts'
import type { TestVault } from './test-vault.ts'

/** One request for each code that only a forward meets. */
export function forwardProblems(vault: () => TestVault) {
  const forwarding = (work: (shop: Forwarding, card: string) => Promise<Response>) => async () => {
    const shop = await Forwarding.on(vault())
    return work(shop, await shop.newCard()).finally(() => shop.processor.stop())
  }
  return {
    'destination-not-found': forwarding((shop, card) => shop.send({ card }, { destination: 'nowhere' })),
    'destination-unavailable': forwarding(async (shop, card) => {
      await shop.destine({ origin: 'https://localhost:1' })
      return shop.send({ card })
    }),
    'destination-timeout': forwarding(async (shop, card) => {
      shop.processor.answer = answers.silence
      await shop.destine({ timeouts: { connect_seconds: 5, answer_seconds: 1 } })
      return shop.send({ card })
    }),
    'forward-outcome-unknown': forwarding((shop, card) => {
      shop.processor.answer = answers.reset
      return shop.send({ card })
    }),
    'security-code-not-found': forwarding((shop, card) =>
      shop.send({ card }, { security_code: `cvc_${'0'.repeat(26)}` }),
    ),
  }
}
