import { hostname } from 'node:os'
import { createAccessControl } from '../access/access-control.ts'
import { createAccessRoutes } from '../access/access-routes.ts'
import { createAuthentication } from '../access/authentication/authentication.ts'
import { ACCESS_MARKS } from '../access/ledger-changes/adopt-access.ts'
import { findTakenAway } from '../access/ledger-changes/find-taken-away.ts'
import { remakeAccessMacs } from '../access/ledger-changes/remake-access-macs.ts'
import { releaseReservations } from '../access/limits/counter-store.ts'
import type { Caller } from '../access/policy/caller.ts'
import { MAX_TOKEN_SECONDS } from '../access/tokens/access-token.ts'
import { createCallerCommands } from '../access/tokens/caller-commands.ts'
import { createAuditLog } from '../audit/audit-log.ts'
import type { AuditCaller } from '../audit/event/audit-event.ts'
import { inBook } from '../audit/event/event-book.ts'
import { createNewAuditEvent } from '../audit/event/new-audit-event.ts'
import { createWriteAuditEvent } from '../audit/event/write-audit-event.ts'
import { createTakeFailure } from '../audit/failed-command.ts'
import { EVENT_CLAIMS, EVENT_MACS } from '../audit/log/accept-waiting.ts'
import { createLogReaders } from '../audit/reading/log-readers.ts'
import { createReleaseGate } from '../audit/release-gate/release-gate.ts'
import { closeWhileOlder } from '../audit/witness/close-while-older.ts'
import { loadShipping } from '../audit/witness/witnesses-file.ts'
import { createAuditRoutes } from '../audit-api/audit-routes.ts'
import { createLogRoutes } from '../audit-api/log-routes.ts'
import { version } from '../config/version.ts'
import { openDatabase } from '../database/database.ts'
import { readSetting, writeSetting } from '../database/settings-store.ts'
import { createWriteProbe } from '../database/write-probe.ts'
import { createDocsRoutes } from '../http/documents/docs-routes.ts'
import { createFramingErrors } from '../http/framing-errors.ts'
import { createHealthRoutes } from '../http/health-routes.ts'
import { createReadiness } from '../http/readiness.ts'
import { destroyFreed } from '../keys/lifecycle/emptied-index-keys.ts'
import { createEventMacs, createVaultBook } from '../keys/lifecycle/event-macs.ts'
import { keepMacKeys } from '../keys/lifecycle/keep-mac-keys.ts'
import { keepSigningKeys } from '../keys/lifecycle/keep-signing-keys.ts'
import { createKeyCommands } from '../keys/lifecycle/key-commands.ts'
import { createKeyWatch } from '../keys/lifecycle/watch-keys.ts'
import { openVaultKeys } from '../keys/open-vault-keys.ts'
import { startRotationRunner } from '../keys/rotation/rotation-runner.ts'
import { rotationFigures } from '../keys/rotation/rotation-store.ts'
import { createKinds } from '../kinds/kinds.ts'
import { createAlert } from '../observability/alert.ts'
import { createBackground } from '../observability/background.ts'
import { createLogger, describeError } from '../observability/logger.ts'
import { createMetrics } from '../observability/metrics.ts'
import { createIdempotency } from '../records/idempotency/idempotency.ts'
import { sweepIdempotencyKeys } from '../records/idempotency/idempotency-store.ts'
import { createRecordApi } from '../records/record-api.ts'
import { createLookUp, createRecordBatches } from '../records/record-batches.ts'
import { createRecordRefusal } from '../records/record-refusal.ts'
import { createReencryptionTargets } from '../records/reencryption-targets.ts'
import { settleCardSearch } from '../records/search/card-search-setting.ts'
import { countMisses } from '../records/search/count-misses.ts'
import { createFindByTerm } from '../records/search/find-by-term.ts'
import { createWhy } from '../records/why/why.ts'
import { loadWhyRules } from '../records/why/why-rules.ts'
import { watchSchema } from '../schema/watch-schema.ts'
import { createNewId } from '../values/identifier.ts'
import type { Problem } from '../values/problem.ts'
import { createRandomBytes } from '../values/random.ts'
import { maintainVault } from './maintain-vault.ts'
import { createVaultApp } from './vault-app.ts'
import { createVaultCommands } from './vault-commands.ts'
import type { Overrides, VaultOptions } from './vault-options.ts'

const REFUSALS_EVERY_MS = 60 * 1000
const ROOT_KEY_PATIENCE_MS = 1_000

export type Vault = Awaited<ReturnType<typeof createVault>>

/**
 * The composition root: builds every part from its dependencies, once. `createApp` gives the HTTPS application,
 * `commands` the operator's commands over the same parts.
 */
export async function createVault(config: VaultOptions, overrides: Overrides = {}) {
  const now = overrides.now ?? (() => new Date())
  const randomBytes = overrides.randomBytes ?? createRandomBytes()
  const logger = overrides.logger ?? createLogger(config.logLevel)
  const newId = createNewId(now, randomBytes)
  const metrics = createMetrics()

  const alert = createAlert((facts, message) => logger.error(facts, message), metrics.alert)
  const background = createBackground({
    alert,
    now,
    describeError,
    log: (facts, message) => logger.error(facts, message),
    count: metrics.backgroundFailure,
  })

  const shipping = await loadShipping(config.audit.witnessesFile)
  const why = createWhy(await loadWhyRules(config.records))
  const database = openDatabase(config.database)
  const book = createVaultBook({ keys: () => keys, newId, alert, remembers: config.keepsLog ?? false })
  const newAuditEvent = inBook(book, createNewAuditEvent(now, newId, hostname()))
  const vaultKeys = await openVaultKeys({
    database,
    randomBytes,
    now,
    newId,
    newAuditEvent,
    config: config.keys,
    pin: { ...config.pin, mustBePinned: config.mustBePinned ?? false, mayBeginAgain: !config.production },
    development: config.createsRootKey ?? false,
    restores: config.restores,
    replacesRootKey: config.replacesRootKey,
    patienceMs: config.rootKeyPatienceMs ?? ROOT_KEY_PATIENCE_MS,
    shipping,
    log: (facts, message) => logger.warn(facts, message),
    alert,
    background,
    times: overrides.keyTimes,
    remakeMacs: remakeAccessMacs,
    marksOfNewVault: [...ACCESS_MARKS, EVENT_MACS, EVENT_CLAIMS],
  }).catch(async (error) => {
    await database.close()
    throw error
  })
  const { keys, unsealing, rootKeys, registryAge } = vaultKeys
  const giveUp = async (error: unknown): Promise<never> => {
    await vaultKeys.close()
    await database.close()
    throw error
  }
  if (config.recordedIssuer === 'write') await writeSetting(database, 'issuer', config.issuer)
  const recorded = config.recordedIssuer === 'prefer' ? await readSetting(database, 'issuer') : undefined
  const issuer = recorded ?? config.issuer
  const findsCards = await settleCardSearch(
    database,
    config.records.findsCards,
    config.recordedIssuer === 'write',
  ).catch(giveUp)
  const kinds = createKinds(now, findsCards)
  const keyDeps = { database, keys, newAuditEvent, now, longestTokenSeconds: MAX_TOKEN_SECONDS }
  const renewSigningKey = () => keepSigningKeys(keyDeps)
  const writeAuditEvent = createWriteAuditEvent(database)
  const basics = { alert, background, database, keys, newAuditEvent, now, newId, writeAuditEvent }
  const access = createAccessControl(basics, {
    ...config.limits,
    logIns: overrides.rateLimits,
    ...overrides.limits,
  })
  const { roles, limits, checkCallerStatus, macs, ledger } = access
  if (config.isOnlyServer) await releaseReservations(database).catch(giveUp)
  const { production, asksForCertificates = false } = config
  const { issuersFile } = config.access
  const signing = { renewSigningKey, issuer, issuersFile, production }
  const authentication = await createAuthentication({ ...basics, ...signing, roles, checkCallerStatus }).catch(giveUp)
  const { accessTokens, clientSecrets, rememberJti } = authentication
  const eventMacs = createEventMacs(keyDeps)
  const gate = createReleaseGate(eventMacs)
  const idempotency = createIdempotency({ database, keys, now, requireRelease: gate.requireOpen })
  const batches = overrides.batches ?? createRecordBatches(database, gate.requireOpen)
  const findByTerm = createFindByTerm(basics)
  const lookUp = createLookUp(database)
  const parts = { kinds, randomBytes, why, findsCards, findByTerm, lookUp, issuer }
  const shared = { ...basics, ...limits, ...parts, batches, roles, macs, ledger }

  const auditLog = await createAuditLog(
    { ...basics, ...eventMacs, book, gate, registryAge, findState: findTakenAway, onOpen: unsealing.onOpen },
    {
      isKeptHere: config.keepsLog ?? false,
      isWatchedHere: config.watchesLog ?? config.keepsLog ?? false,
      origin: config.audit.origin ?? `${new URL(issuer).host}/audit`,
      shipping: config.keepsLog || config.restores ? shipping : undefined,
      observeWaiting: metrics.observeAuditWaiting,
      failures: config.limits.strangers,
      log: (facts, message) => logger.info(facts, message),
    },
  ).catch(giveUp)

  /** Why nothing can be done with the keys now; undefined when it can. */
  const sealedBecause = () => {
    try {
      void keys.ring
      return undefined
    } catch (error) {
      return error as Problem
    }
  }

  const schema = await watchSchema({ ...basics, log: (facts, message) => logger.warn(facts, message) })
  const writeProbe = createWriteProbe(config.database)
  const { authenticity, hasSignedLast } = auditLog
  const reading = { ...basics, authenticity, readers: createLogReaders(config.database) }
  /**
   * Whether the ring in memory is the registry's, the database takes writes and has the vault's own schema, and the log takes
   * events. @throws {Problem}
   */
  const checkReady = createReadiness([
    () => keys.refresh(),
    writeProbe.check,
    schema.requireUnchanged,
    // Where the schema was changed, that is why.
    async () => void (schema.changed() ?? auditLog.requireWritable()),
    async () => auditLog.requireUnchanged(),
    auditLog.outside.requireCurrent,
  ])
  const routes = [
    ...createRecordApi({ ...shared, idempotency }),
    ...createAuditRoutes(reading),
    ...createLogRoutes(reading),
    ...createAccessRoutes({
      ...{ ...shared, accessTokens, clientSecrets, rememberJti, issuer, asksForCertificates },
    }),
    ...createHealthRoutes<Caller>(checkReady),
  ].map((route) => countMisses(shared, closeWhileOlder(auditLog.outside, route)))
  const docs = createDocsRoutes(routes, { issuer, version })

  const recordRefusal = createRecordRefusal({ ...basics, strangers: limits.strangers, outage: auditLog.outage })

  const rotation = { ...shared, targets: createReencryptionTargets(shared) }
  metrics.showRotations(() => rotationFigures(database))
  const runner = config.runsRotations
    ? startRotationRunner(rotation, (result) => logger.info(result, 'rotation ended'), background)
    : undefined
  const watchKeys = createKeyWatch({ keys, now, alert, observeKey: metrics.observeKey })
  const destroying = { ...keyDeps, ...access.keyUse, authenticity, hasSignedLast }
  await maintainVault({
    ...{ background, keys },
    work: [
      ['adopt-access', access.adopt],
      ['take-in-access', access.takeIn],
      ['keep-mac-keys', () => keepMacKeys(keyDeps)],
      ['keep-signing-keys', renewSigningKey],
      ['close-event-keys', eventMacs.closeReplaced],
      // A key that is about to be replaced is no news.
      ['watch-keys', () => background.tasks.get('keep-signing-keys')?.run().then(watchKeys)],
    ],
    // It forgets what it remembers of its clients.
    whenSealed: clientSecrets.forgetAll,
    sweeps: {
      'destroy-index-keys': () => destroyFreed(destroying),
      'sweep-idempotency-keys': () => sweepIdempotencyKeys(database, now()),
      ...access.sweeps,
      ...authentication.sweeps,
    },
  })
  background.every('write-refusal-counts', { everyMs: REFUSALS_EVERY_MS }, limits.strangers.flush)
  let shuttingDown = false

  return {
    routes: [...routes, ...docs],
    issuer,
    logger,
    alert,
    metrics,
    background,
    checkReady,
    sealedBecause,
    unsealing,
    rootKeys,
    newId,
    newAuditEvent,
    book,
    createApp: createVaultApp({
      ...{ routes: [...routes, ...docs], publicUrl: issuer },
      ...{ authenticate: authentication.authenticate, checkCallerStatus },
      ...{ recordRefusal, newId, logger, admission: overrides.admission },
      isShuttingDown: () => shuttingDown,
      closedBecause: () => sealedBecause() ?? schema.changed(),
      observe: (answered) => {
        metrics.observe(answered)
        auditLog.observe(answered)
      },
    }),
    onFramingError: createFramingErrors(metrics, limits.strangers),
    takeFailure: createTakeFailure({
      record: auditLog.commands.recordFailedCommand,
      outage: auditLog.outage,
      strangers: limits.strangers,
    }),
    /** From now on new requests are refused; those under way finish. */
    beginShutdown: () => {
      shuttingDown = true
    },
    commands: {
      ...createCallerCommands({ ...shared, clientSecrets, accessTokens, production, asksForCertificates }),
      ...access.commands,
      ...authentication.commands,
      reviewAccess: (operator: AuditCaller) => access.commands.reviewAccess(operator, authentication.issuers),
      ...createKeyCommands({ ...rotation, ...destroying, issuer }),
      ...auditLog.commands,
      ...createVaultCommands({
        ...shared,
        ...auditLog.restoring,
        authenticity,
        registryAge,
        checkCallerStatus,
        production,
        schema,
      }),
    },
    async close() {
      await background.tasks.get('write-refusal-counts')?.run()
      await Promise.all([runner?.stop(), auditLog.close()])
      await background.close()
      await limits.probes.close()
      await auditLog.endClaims().finally(vaultKeys.close)
      await Promise.all([writeProbe.close(), reading.readers.close(), database.close()])
    },
  }
}
