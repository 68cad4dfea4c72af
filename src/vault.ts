import { type Access, createAccess } from './access/create-access.ts'
import { findTakenAway } from './access/ledger-changes/find-taken-away.ts'
import { MAX_TOKEN_SECONDS } from './access/policy/token-life.ts'
import { type AuditLog, createAuditLog } from './audit/audit-log.ts'
import { createEvents } from './audit/create-events.ts'
import { loadShipping, type Shipping } from './audit/witness/witnesses-file.ts'
import { createCheckout } from './checkout/create-checkout.ts'
import { createDestinations, type Destinations } from './destinations/create-destinations.ts'
import { presentSecrets } from './destinations/set/present-secrets.ts'
import { createForward, type ForwardNoun } from './forward/create-forward.ts'
import { createKeyLifecycle, createKeys, type KeyLifecycle, type VaultKeys } from './keys/create-keys.ts'
import { startJobs } from './observability/jobs.ts'
import { createRecords, type Records } from './records/create-records.ts'
import { createRestore, type Restore } from './restore/create-restore.ts'
import { createSchema, type Schema } from './schema/create-schema.ts'
import { createSecurityCodes } from './security-codes/create-security-codes.ts'
import { closingOnFailure, createGround, type Ground, settleIssuer } from './vault/ground.ts'
import { createVaultApi, type VaultApi } from './vault/vault-api.ts'
import { accessOptions, auditOptions, keysOptions, type Overrides, type VaultOptions } from './vault/vault-options.ts'

/** A vault that is open: its commands, and what serves callers with the same parts. */
export interface Vault
  extends Omit<Ground, 'database' | 'now' | 'randomBytes'>,
    Pick<VaultKeys, 'book' | 'newAuditEvent' | 'rootKeys' | 'sealedBecause' | 'unsealing'>,
    Pick<AuditLog, 'takeFailure'>,
    VaultApi {
  issuer: string
  destinations: Pick<Destinations, 'find' | 'build' | 'describe'>
  commands: (Access & AuditLog & Destinations & ForwardNoun & KeyLifecycle & Records & Restore & Schema)['commands']
  close(): Promise<void>
}

/** The composition root: builds every part once, from the ground up, each from those before it. */
export async function createVault(options: VaultOptions, overrides: Overrides = {}): Promise<Vault> {
  const shipping = await loadShipping(options.audit.witnessesFile)
  const ground = await createGround(options, overrides)
  const { database, logger } = ground
  const keys = await createKeys({ ...ground, ...keysOptions(options, overrides, logger), shipping }).catch(
    closingOnFailure(database),
  )
  return buildParts(options, overrides, { ground, keys, shipping }).catch(closingOnFailure(keys, database))
}

interface Below {
  ground: Ground
  keys: VaultKeys
  shipping: Shipping | undefined
}

async function buildParts(options: VaultOptions, overrides: Overrides, below: Below): Promise<Vault> {
  const { ground, keys, shipping } = below
  const issuer = await settleIssuer(ground.database, options)
  const events = createEvents({ ...ground, ...keys, ...keys.eventMacs, findState: findTakenAway })
  const basics = { ...options, ...ground, ...keys, ...keys.eventMacs, ...events, issuer }
  const access = await createAccess({ ...basics, ...accessOptions(options, overrides), furtherAccess: presentSecrets })
  const records = await createRecords({ ...basics, config: options.records, access, batches: overrides.batches })
  const securityCodes = createSecurityCodes({ ...basics, records })
  const checkout = createCheckout({ ...basics, config: options.checkout, access, records, securityCodes })
  const destinations = createDestinations({ ...basics, access })
  const { lookUpName } = overrides
  const forward = createForward({ ...basics, access, destinations, lookUpName, records, securityCodes })
  // The log begins last: that it starts is an event.
  const audit = await createAuditLog(
    { ...basics, onOpen: keys.unsealing.onOpen, strangers: access.limits.strangers },
    auditOptions(options, ground, issuer, shipping),
  )
  const { targets } = records
  const lifecycle = createKeyLifecycle({ ...basics, ...audit, targets, longestTokenSeconds: MAX_TOKEN_SECONDS })
  const schema = await createSchema({ ...basics, foundSchema: overrides.foundSchema })
  const restore = createRestore({ ...basics, ...access, ...audit.restoring, destinations })
  const api = createVaultApi({
    ...basics,
    options,
    overrides,
    access,
    audit,
    checkout,
    forward,
    records,
    schema,
    securityCodes,
  })

  const jobs = [audit, access, keys, lifecycle, records, securityCodes, checkout, forward].flatMap((part) => part.jobs)
  const isSealed = () => keys.keys.isSealed
  await startJobs(ground.background, jobs, { isServer: options.serves, isSealed, whenSealed: access.forgetClients })
  return {
    ...ground,
    ...keys,
    ...api,
    issuer,
    destinations,
    takeFailure: audit.takeFailure,
    commands: {
      ...access.commands,
      ...lifecycle.commands,
      ...audit.commands,
      ...records.commands,
      ...destinations.commands,
      ...forward.commands,
      ...restore.commands,
      ...schema.commands,
    },
    async close() {
      await ground.background.tasks.get('write-refusal-counts')?.run()
      await forward.close()
      await Promise.all([lifecycle.close(), audit.close()])
      await ground.background.close()
      await Promise.all([access.close(), securityCodes.close()])
      await audit.endReports().finally(keys.close)
      await Promise.all([api.close(), ground.database.close()])
    },
  }
}
