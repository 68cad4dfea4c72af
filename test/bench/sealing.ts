/** Sealing alone: the two parts and the search term of a card, in one thread, with no database and no HTTP. */

import { sealRecord } from '../../src/records/record/sealed-record.ts'
import { newToken } from '../../src/records/record/token.ts'
import { parseInput } from '../../src/values/parse-input.ts'
import { Sensitive } from '../../src/values/sensitive.ts'
import { readPlan } from './child-process.ts'
import type { Measurement } from './measurement.ts'
import { requestParts } from './requests.ts'
import { openVaultParts } from './vault-parts.ts'

export interface SealingPlan {
  /** Only to open the keys. */
  databaseUrl: string
  rootKeyFile: string
  seconds: number
  warmupSeconds: number
}

const plan = await readPlan<SealingPlan>()
const { keys, kinds, randomBytes, close } = await openVaultParts(plan)
const details = Array.from({ length: 1000 }, () => {
  const { body } = requestParts('tokenize', { url: 'https://localhost', accessToken: '', tokens: [] }, 0)
  return new Sensitive(parseInput(kinds.card.schema, JSON.parse(body ?? '').card))
})

async function sealFor(seconds: number): Promise<number> {
  const startedAt = performance.now()
  let sealed = 0
  while (performance.now() < startedAt + seconds * 1000) {
    for (const one of details) {
      const identity = { token: newToken(kinds.card, randomBytes), kind: 'card', site: 'default', version: 1 } as const
      const now = new Date()
      const record = { ...identity, policyVersion: undefined, consents: [], createdAt: now, updatedAt: now }
      sealRecord(keys, kinds.card, record, { details: one })
    }
    sealed += details.length
    // The key ring must be looked at from time to time, as it is in a server.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return sealed / ((performance.now() - startedAt) / 1000)
}

await sealFor(plan.warmupSeconds)
const before = process.cpuUsage()
const perSecond = await sealFor(plan.seconds)
const { user, system } = process.cpuUsage(before)
const load = (user + system) / 1e6 / plan.seconds
const measurement: Measurement = { perSecond, p50: undefined, p99: undefined, cpu: { load } }
await close()
process.stdout.write(JSON.stringify(measurement))
