import type { Caller } from '../access/policy/caller.ts'
import type { Database } from '../database/database.ts'
import type { Route } from '../http/route.ts'
import type { Keys } from '../keys/ring/keys.ts'
import type { Alert } from '../observability/alert.ts'
import type { Job } from '../observability/jobs.ts'
import type { Records } from '../records/create-records.ts'
import { once } from '../values/once.ts'
import type { RandomBytes } from '../values/random.ts'
import type { CodeKeys } from './code-keys.ts'
import { PUBLISH_EVERY_MS } from './security-code.ts'
import type { SecurityCodes } from './security-codes.ts'

export interface CreateSecurityCodesDeps {
  database: Database
  keys: Keys
  alert: Alert
  now: () => Date
  randomBytes: RandomBytes
  records: Pick<Records, 'parts'>
}

/** What keeps codes, and what opens them for their use. */
export interface SecurityCodeParts {
  codeKeys: CodeKeys
  securityCodes: SecurityCodes
}

/** Security codes of cards, from their entry to their first use. */
export interface SecurityCodesNoun {
  parts(): Promise<SecurityCodeParts>
  routes(): Promise<Route<Caller>[]>
  jobs: readonly Job[]
  /** Forgets the keys of this process, and with them the codes that no other process can open. */
  close(): Promise<void>
}

export function createSecurityCodes(deps: CreateSecurityCodesDeps): SecurityCodesNoun {
  const { database, now, records } = deps
  let made: CodeKeys | undefined
  const keysOfProcess = once(async () => {
    const { createCodeKeys } = await import('./code-keys.ts')
    made = createCodeKeys(deps)
    return made
  })
  const parts = once(async () => {
    const { createSecurityCodes: create } = await import('./security-codes.ts')
    const codeKeys = await keysOfProcess()
    return { codeKeys, securityCodes: create({ ...deps, codeKeys }) }
  })
  return {
    parts,
    async routes() {
      const { createSecurityCodeRoutes } = await import('./security-code-routes.ts')
      return createSecurityCodeRoutes({ ...(await records.parts()), ...(await parts()) })
    },
    jobs: [
      {
        name: 'tend-security-codes',
        everyMs: PUBLISH_EVERY_MS,
        firstMs: 0,
        async run() {
          const { sweepCodes } = await import('./code-store.ts')
          await (await keysOfProcess()).publish()
          await sweepCodes(database, now())
        },
      },
    ],
    close: async () => made?.close(),
  }
}
