import type { Caller } from '../../access/policy/caller.ts'
import type { Route } from '../../http/route.ts'
import type { VaultKeys } from '../../keys/create-keys.ts'
import type { Records } from '../../records/create-records.ts'

export interface CreateConsentsDeps extends Pick<VaultKeys, 'receiptKey'> {
  records: Pick<Records, 'parts'>
}

/** What shoppers agree to and no longer agree to. */
export interface Consents {
  routes(): Promise<Route<Caller>[]>
}

export function createConsents({ records, receiptKey }: CreateConsentsDeps): Consents {
  return {
    async routes() {
      const { createConsentRoutes } = await import('./consent-routes.ts')
      return createConsentRoutes({ ...(await records.parts()), receiptKey })
    },
  }
}
