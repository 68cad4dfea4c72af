import { type Access, createAccess } from './access/create-access.ts'
import { findTakenAway } from './access/ledger-changes/find-taken-away.ts'
import { MAX_TOKEN_SECONDS } from './access/policy/token-life.ts'
import { type AuditLog, createAuditLog } from './audit/audit-log.ts'
import { createWriteAuditEvent } from './audit/event/write-audit-event.ts'
import { createTakeFailure, type TakeFailure } from './audit/failed-command.ts'
import { createEventAuthenticity } from './audit/log/event-authenticity.ts'
import { createReleaseGate } from './audit/release-gate/release-gate.ts'
import { loadShipping } from './audit/witness/witnesses-file.ts'
import { createCheckout } from './checkout/create-checkout.ts'
import { createKeyLifecycle, createKeys, type KeyLifecycle, type VaultKeys } from './keys/create-keys.ts'
import { rotationFigures } from './keys/rotation/rotation-store.ts'
import { startJobs } from './observability/jobs.ts'
import { createRecords, type Records } from './records/create-records.ts'
import { createRestore, type Restore } from './restore/create-restore.ts'
import { createSchema, type Schema } from './schema/create-schema.ts'
import { closingOnFailure, createGround, type Ground, settleIssuer } from './vault/ground.ts'
import { createVaultApi, type VaultApi } from './vault/vault-api.ts'
import { auditOptions, keysOptions, type Overrides, type VaultOptions } from './vault/vault-options.ts'

/** A vault that is open: its commands, and what serves callers with the same parts. */
export interface Vault
  extends Omit<Ground, 'database' | 'now' | 'randomBytes'>,
    Pick<VaultKeys, 'book' | 'newAuditEvent' | 'rootKeys' | 'sealedBecause' | 'unsealing'>,
    VaultApi {
  issuer: string
  takeFailure: TakeFailure
  commands: Access['commands'] &
    AuditLog['commands'] &
    KeyLifecycle['commands'] &
    Records['commands'] &
    Restore['commands'] &
    Schema['commands']
  close(): Promise<void>
}

/** The composition root: builds every part from its dependencies, once, from the ground up. */
export async function createVault(options: VaultOptions, overrides: Overrides = {}): Promise<Vault> {
  const shipping = await loadShipping(options.audit.witnessesFile)
  const ground = await createGround(options, overrides)
  const { background, database, logger, metrics } = ground
  const keys = await createKeys({ ...ground, ...keysOptions(options, overrides, logger), shipping }).catch(
    closingOnFailure(database),
  )
  const build = async () => {
    const issuer = await settleIssuer(database, options)
    const basics = { ...options, ...ground, ...keys, issuer, writeAuditEvent: createWriteAuditEvent(database) }
    const gate = createReleaseGate(keys.eventMacs)
    const limits = { ...options.limits, logIns: overrides.rateLimits, ...overrides.limits }
    const authenticity = createEventAuthenticity({ ...basics, ...keys.eventMacs, findState: findTakenAway })
    const access = await createAccess({ ...basics, config: options.access, limits, secretCost: overrides.secretCost })
    const records = await createRecords({
      ...{ ...basics, config: options.records, gate, access, authenticity, batches: overrides.batches },
    })
    const checkout = createCheckout({
      access,
      records,
      config: options.checkout,
      production: options.production,
      metrics,
    })
    // The log begins last: that it starts is an event.
    const audit = await createAuditLog(
      { ...basics, ...keys.eventMacs, authenticity, gate, onOpen: keys.unsealing.onOpen },
      auditOptions(options, ground, issuer, shipping),
    )
    const lifecycle = createKeyLifecycle({
      ...{ ...basics, ...audit, targets: records.targets, longestTokenSeconds: MAX_TOKEN_SECONDS },
      onRotated: (result) => logger.info(result, 'rotation ended'),
    })
    metrics.showRotations(() => rotationFigures(database))
    const schema = await createSchema({ ...basics, foundSchema: overrides.foundSchema })
    const restore = createRestore({ ...basics, ...access, ...audit.restoring })
    const api = createVaultApi({ ...basics, options, overrides, access, audit, checkout, records, schema })
    await startJobs(
      background,
      [access, keys, lifecycle, records, checkout].flatMap(({ jobs }) => jobs),
      {
        isServer: options.serves,
        isSealed: () => keys.keys.isSealed,
        whenSealed: access.forgetClients,
      },
    )
    return { issuer, access, audit, records, lifecycle, restore, schema, api }
  }
  const { issuer, access, audit, records, lifecycle, restore, schema, api } = await build().catch(
    closingOnFailure(keys, database),
  )
  return {
    ...ground,
    ...keys,
    ...api,
    issuer,
    takeFailure: createTakeFailure({
      record: audit.commands.recordFailedCommand,
      outage: audit.outage,
      strangers: access.limits.strangers,
    }),
    commands: {
      ...access.commands,
      ...lifecycle.commands,
      ...audit.commands,
      ...records.commands,
      ...restore.commands,
      ...schema.commands,
    },
    async close() {
      await background.tasks.get('write-refusal-counts')?.run()
      await Promise.all([lifecycle.close(), audit.close()])
      await background.close()
      await access.close()
      await audit.endReports().finally(keys.close)
      await Promise.all([api.close(), database.close()])
    },
  }
}
