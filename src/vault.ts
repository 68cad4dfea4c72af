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
import type { AlertFacts } from './observability/alert.ts'
import { startJobs } from './observability/jobs.ts'
import { createPolicies, type Policies } from './policies/create-policies.ts'
import { createConsents } from './privacy/consents/create-consents.ts'
import { createNotices, type Notices } from './privacy/create-notices.ts'
import { createRequests, type Requests } from './privacy/create-requests.ts'
import { createVisits, type Visits } from './privacy/create-visits.ts'
import { createErasures, type Erasures } from './privacy/erasure/create-erasures.ts'
import { createRetention, type Retention } from './privacy/retention/create-retention.ts'
import { createRecords, type Records } from './records/create-records.ts'
import { createRestore, type Restore } from './restore/create-restore.ts'
import { createSchema, type Schema } from './schema/create-schema.ts'
import { createSecurityCodes } from './security-codes/create-security-codes.ts'
import { closingOnFailure, createGround, type Ground, settleIssuer } from './vault/ground.ts'
import { createPost } from './vault/post.ts'
import { createVaultApi, type VaultApi } from './vault/vault-api.ts'
import { accessOptions, auditOptions, keysOptions, type Overrides, type VaultOptions } from './vault/vault-options.ts'

/** A vault that is open: its commands, and what serves callers with the same parts. */
export interface Vault
  extends Omit<Ground, 'database' | 'now' | 'randomBytes'>,
    Pick<VaultKeys, 'book' | 'newAuditEvent' | 'rootKeys' | 'sealedBecause' | 'unsealing'>,
    Pick<AuditLog, 'takeFailure'>,
    VaultApi {
  issuer: string
  destinations: Pick<Destinations, 'inForce' | 'find' | 'build' | 'describe'>
  commands: (Access &
    AuditLog &
    Destinations &
    Erasures &
    ForwardNoun &
    KeyLifecycle &
    Notices &
    Policies &
    Records &
    Requests &
    Restore &
    Retention &
    Schema &
    Visits)['commands']
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
  const policies = createPolicies({ ...basics, access })
  const destinations = createDestinations({ ...basics, access })
  const { lookUpName } = overrides
  const posting = createPost({ production: options.production, lookUp: lookUpName })
  const notices = createNotices({ ...basics, destinations, post: posting.post })
  const { afterCorrection } = notices
  const log = (facts: AlertFacts, message: string) => ground.logger.info(facts, message)
  const erasures = createErasures({ ...basics, config: options.erasures, access, shipping, log })
  const ofRecords = { config: options.records, erasures: erasures.ledger, batches: overrides.batches }
  const records = await createRecords({ ...basics, ...ofRecords, access, afterCorrection, policies })
  const retention = createRetention({ ...basics, access, policies, erasures })
  const consents = createConsents({ ...basics, records })
  const securityCodes = createSecurityCodes({ ...basics, records })
  const visits = createVisits({ ...basics, config: options.checkout })
  const checkout = createCheckout({ ...basics, config: options.checkout, access, records, securityCodes, visits })
  const requests = createRequests({ ...basics, records })
  const forward = createForward({ ...basics, access, destinations, lookUpName, records, securityCodes })
  // The log begins last: that it starts is an event.
  const audit = await createAuditLog(
    { ...basics, onOpen: keys.unsealing.onOpen, strangers: access.limits.strangers, findOverdue: requests.findOverdue },
    auditOptions(options, ground, issuer, { shipping, erasures }),
  )
  const targets = async () => [...(await records.targets()), ...(await erasures.targets())]
  const lifecycle = createKeyLifecycle({ ...basics, ...audit, targets, longestTokenSeconds: MAX_TOKEN_SECONDS })
  const schema = await createSchema({ ...basics, foundSchema: overrides.foundSchema })
  const restore = createRestore({
    ...{ ...basics, ...access, ...audit.restoring },
    ...{ destinations, erasures: erasures.ledger, records: records.parts },
  })
  const nouns = [requests, policies, consents, securityCodes, forward]
  const api = createVaultApi({ ...basics, options, overrides, access, audit, checkout, records, schema, nouns })

  const jobs = [
    audit,
    access,
    keys,
    lifecycle,
    erasures,
    retention,
    records,
    securityCodes,
    checkout,
    forward,
    notices,
    visits,
  ].flatMap((part) => part.jobs)
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
      ...policies.commands,
      ...erasures.commands,
      ...retention.commands,
      ...records.commands,
      ...requests.commands,
      ...notices.commands,
      ...visits.commands,
      ...destinations.commands,
      ...forward.commands,
      ...restore.commands,
      ...schema.commands,
    },
    async close() {
      await ground.background.tasks.get('write-refusal-counts')?.run()
      await Promise.all([forward.close(), posting.close()])
      await Promise.all([lifecycle.close(), audit.close()])
      await ground.background.close()
      await visits.close()
      await Promise.all([access.close(), securityCodes.close()])
      await audit.endReports().finally(keys.close)
      await Promise.all([api.close(), ground.database.close()])
    },
  }
}
