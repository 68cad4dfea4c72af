import type { Access } from '../access/create-access.ts'
import type { Caller } from '../access/policy/caller.ts'
import type { AuditCaller } from '../audit/event/audit-event.ts'
import type { ReleaseGate } from '../audit/release-gate/release-gate.ts'
import type { Route } from '../http/route.ts'
import type { Job } from '../observability/jobs.ts'
import type { Records } from '../records/create-records.ts'
import type { SecurityCodesNoun } from '../security-codes/create-security-codes.ts'
import { once } from '../values/once.ts'
import type { DestinationsInForce } from './dependencies.ts'
import type { ForwardRequest } from './forward-request.ts'
import type { Outbound } from './outbound/outbound.ts'
import type { LookUp } from './outbound/resolve-name.ts'
import type { Preview } from './preview-forward.ts'

const SETTLE_EVERY_MS = 10 * 1000

export interface CreateForwardDeps {
  access: Pick<Access, 'ledger' | 'macs'>
  destinations: DestinationsInForce
  gate: ReleaseGate
  /** What tests put in the place of the operating system's resolver. */
  lookUpName?: LookUp | undefined
  production: boolean
  records: Pick<Records, 'parts'>
  securityCodes: Pick<SecurityCodesNoun, 'parts'>
}

/** The operator's command. */
interface ForwardCommands {
  /** Shows a request, and sends nothing. @throws {Problem} destination-not-found, record-not-found, invalid-input */
  previewForward(operator: AuditCaller, request: Omit<ForwardRequest, 'purpose'> & { site: string }): Promise<Preview>
}

/** The way out: what sends stored records to destinations. */
export interface ForwardNoun {
  routes(): Promise<Route<Caller>[]>
  commands: ForwardCommands
  jobs: readonly Job[]
  /** Waits for what is being sent. */
  close(): Promise<void>
}

export function createForward(given: CreateForwardDeps): ForwardNoun {
  const { access, destinations, gate, lookUpName, production, records, securityCodes } = given
  let outbound: Outbound | undefined
  const parts = once(async () => {
    const [recordParts, { securityCodes: codes }, { createOutbound }] = await Promise.all([
      records.parts(),
      securityCodes.parts(),
      import('./outbound/outbound.ts'),
    ])
    outbound = createOutbound({ production, lookUp: lookUpName })
    const { ledger, macs } = access
    const own = { outbound, destinations, securityCodes: codes, requireRelease: gate.requireOpen }
    return { ...recordParts, ledger, macs, ...own }
  })
  return {
    async routes() {
      const { createForwardRoutes } = await import('./forward-routes.ts')
      return createForwardRoutes(await parts())
    },
    commands: {
      async previewForward(operator, request) {
        const { previewForOperator } = await import('./preview-forward.ts')
        return previewForOperator({ ...(await records.parts()), destinations }, operator, request)
      },
    },
    jobs: [
      {
        name: 'settle-forwards',
        everyMs: SETTLE_EVERY_MS,
        firstMs: SETTLE_EVERY_MS,
        async run() {
          const { settleForwards } = await import('./settle-forwards.ts')
          return settleForwards(await records.parts())
        },
      },
    ],
    close: async () => outbound?.close(),
  }
}
