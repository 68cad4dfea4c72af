import { hostname } from 'node:os'
import { createAccessControl } from './access/access-control.ts'
import { ACCESS_MACS } from './access/access-macs.ts'
import { createAccessRoutes } from './access/access-routes.ts'
import { MAX_TOKEN_SECONDS } from './access/access-token.ts'
import { createAuthentication } from './access/authentication.ts'
import type { Caller } from './access/caller.ts'
import { createCallerCommands } from './access/caller-commands.ts'
import type { NamedCaller } from './access/find-caller.ts'
import { requireAnyScope } from './access/grant.ts'
import { remakeAccessMacs } from './access/remake-access-macs.ts'
import { releaseReservations } from './access/reservation-store.ts'
import { defaultStrangerLimits } from './access/stranger-limit.ts'
import { createAlert } from './alert.ts'
import { type AuditCaller, createNewAuditEvent } from './audit/audit-event.ts'
import { createAuditLog } from './audit/audit-log.ts'
import { createAuditRoutes } from './audit/audit-routes.ts'
import type { FailedCommand } from './audit/failed-command.ts'
import { createLogRoutes } from './audit/log-routes.ts'
import { createRecordEvent } from './audit/record-event.ts'
import { loadShipping } from './audit/witness/witnesses-file.ts'
import { createBackground, type TaskName } from './background.ts'
import { openDatabase } from './database/database.ts'
import { readSetting, writeSetting } from './database/settings-store.ts'
import { createWriteProbe } from './database/write-probe.ts'
import { createApp } from './http/app.ts'
import { createDocsRoutes } from './http/docs-routes.ts'
import { createHealthRoutes } from './http/health-routes.ts'
import { createMetrics } from './http/metrics.ts'
import type { RefusesCertificate } from './http/presented.ts'
import { toProblem } from './http/problem-response.ts'
import { createReadiness } from './http/readiness.ts'
import { createLogger, describeError } from './http/request-log.ts'
import { createTrustedProxies, type TrustedProxies } from './http/source/trusted-proxies.ts'
import { createNewId } from './identifier.ts'
import { keepMacKeys } from './keys/keep-mac-keys.ts'
import { keepSigningKeys } from './keys/keep-signing-keys.ts'
import { createKeyCommands } from './keys/key-commands.ts'
import { openVaultKeys } from './keys/open-vault-keys.ts'
import { createRandomBytes } from './keys/random.ts'
import { startRotationRunner } from './keys/rotation/rotation-runner.ts'
import { rotationFigures } from './keys/rotation/rotation-store.ts'
import { createSealedValues } from './keys/rotation/sealed-values.ts'
import { createKeyWatch } from './keys/watch-keys.ts'
import { holdsCardNumber } from './kinds/card-number.ts'
import { createKinds } from './kinds/kinds.ts'
import type { Problem } from './problem.ts'
import { createApprovalRoutes } from './records/approval-routes.ts'
import { closeWhileOlder } from './records/close-while-older.ts'
import { countMisses } from './records/count-misses.ts'
import { createEraseRoutes } from './records/erase-routes.ts'
import { type AccessQuestion, explainAccess } from './records/explain-access.ts'
import { createFindByTerm } from './records/find-by-term.ts'
import { findCustomerTokens } from './records/find-customer-tokens.ts'
import { createIdempotency } from './records/idempotency.ts'
import { sweepIdempotencyKeys } from './records/idempotency-store.ts'
import { createMatchRoutes } from './records/match-routes.ts'
import { createLookUp, createRecordBatches } from './records/record-batches.ts'
import { createRecordRefusal } from './records/record-refusal.ts'
import { createRecordRoutes } from './records/record-routes.ts'
import { createSearchTerms } from './records/reindex.ts'
import { createRevealRoutes } from './records/reveal-routes.ts'
import { createSearchRoutes } from './records/search-routes.ts'
import { createTokenizeRoutes } from './records/tokenize-routes.ts'
import { createWhy } from './records/why.ts'
import { loadWhyRules } from './records/why-rules.ts'
import { type ApplyLogRequest, applyLog } from './restore/apply-log.ts'
import { acceptSchema } from './schema/accept-schema.ts'
import { watchSchema } from './schema/watch-schema.ts'
import type { Overrides, RootKeySettings, StrongroomConfig } from './strongroom-config.ts'
import { version } from './version.ts'

const SWEEP_EVERY_MS = 10 * 60 * 1000
/** A server that is often started sweeps too; a command ends before. */
const SWEEP_FIRST_MS = 60 * 1000
const REFUSALS_EVERY_MS = 60 * 1000
const ROOT_KEY_PATIENCE_MS = 1_000
const PASSPHRASE_FILE: RootKeySettings = { provider: 'passphrase-file', leaseSeconds: 900 }

export type Strongroom = Awaited<ReturnType<typeof createStrongroom>>

/**
 * The composition root: builds every part from its dependencies, once. `createApp` gives the HTTPS application,
 * `commands` the operator's commands over the same parts.
 */
export async function createStrongroom(config: StrongroomConfig, overrides: Overrides = {}) {
  const now = overrides.now ?? (() => new Date())
  const randomBytes = overrides.randomBytes ?? createRandomBytes()
  const logger = overrides.logger ?? createLogger(config.logLevel)
  const newId = createNewId(now, randomBytes)
  const newAuditEvent = createNewAuditEvent(now, newId, hostname())
  const metrics = createMetrics()

  const alert = createAlert((facts, message) => logger.error(facts, message), metrics.alert)
  const background = createBackground({
    alert,
    now,
    describeError,
    log: (facts, message) => logger.error(facts, message),
    count: metrics.backgroundFailure,
  })

  const shipping = await loadShipping(config.witnessesFile)
  const why = createWhy(await loadWhyRules(config.why ?? {}))
  const place = { url: config.databaseUrl, caFile: config.databaseCaFile, schema: config.databaseSchema }
  const database = openDatabase({
    ...place,
    ...(config.databaseConnections ? { maxConnections: config.databaseConnections } : {}),
  })
  const { provider, leaseSeconds, ...providerOptions } = config.rootKey ?? PASSPHRASE_FILE
  const vaultKeys = await openVaultKeys({
    database,
    randomBytes,
    now,
    newId,
    newAuditEvent,
    provider,
    leaseSeconds,
    rootKey: { ...providerOptions, file: config.rootKeyFile, development: config.createRootKey === true },
    patienceMs: config.rootKeyPatienceMs ?? ROOT_KEY_PATIENCE_MS,
    alert,
    background,
    times: overrides.keyTimes,
    remakeMacs: remakeAccessMacs,
    marksOfNewVault: [ACCESS_MACS],
  }).catch(async (error) => {
    await database.close()
    throw error
  })
  const { keys, unsealing, rootKeys } = vaultKeys
  const giveUp = async (error: unknown): Promise<never> => {
    await vaultKeys.close()
    await database.close()
    throw error
  }
  if (config.recordedIssuer === 'write') await writeSetting(database, 'issuer', config.issuer)
  const recorded = config.recordedIssuer === 'prefer' ? await readSetting(database, 'issuer') : undefined
  const issuer = recorded ?? config.issuer
  const kinds = createKinds(now)
  const keyDeps = { database, keys, newAuditEvent, now, longestTokenSeconds: MAX_TOKEN_SECONDS }
  const renewSigningKey = () => keepSigningKeys(keyDeps)
  const recordEvent = createRecordEvent(database)
  const basics = { alert, background, database, keys, newAuditEvent, now, newId, recordEvent }
  const access = createAccessControl(basics, {
    logIns: overrides.rateLimits,
    strangers: config.strangerLimits,
    cards: config.cardLimits,
    cardSearchesPerDay: config.cardSearchesPerDay,
    wrongMatches: config.wrongMatches,
    openApprovals: config.openApprovals,
    ...overrides.limits,
  })
  const { roles, limits, admit, macs } = access
  if (config.isOnlyServer) await releaseReservations(database).catch(giveUp)
  const { issuersFile, production, asksForCertificates = false } = config
  const signing = { renewSigningKey, issuer, issuersFile, production }
  const authentication = await createAuthentication({ ...basics, ...signing, roles, admit }).catch(giveUp)
  const { accessTokens, clientSecrets, spendOnce } = authentication
  const idempotency = createIdempotency({ database, keys, now })
  const batches = overrides.batches ?? createRecordBatches(database)
  const findByTerm = createFindByTerm(basics)
  const lookUp = createLookUp(database)
  const shared = { ...basics, ...limits, batches, lookUp, findByTerm, roles, macs, kinds, randomBytes, why }

  const auditLog = await createAuditLog(basics, {
    isKeptHere: config.keepsLog ?? false,
    isWatchedHere: config.watchesLog ?? config.keepsLog ?? false,
    origin: config.auditOrigin ?? `${new URL(issuer).host}/audit`,
    shipping,
    observeWaiting: metrics.observeAuditWaiting,
    failures: config.strangerLimits ?? defaultStrangerLimits,
    log: (facts, message) => logger.info(facts, message),
  }).catch(giveUp)

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
  const writeProbe = createWriteProbe(place)
  /**
   * Whether the ring in memory is the registry's, the database takes writes and has the vault's own schema, and the log takes
   * events. @throws {Problem}
   */
  const checkReady = createReadiness([
    () => keys.refresh(),
    writeProbe.check,
    async () => auditLog.requireWritable(),
    schema.requireUnchanged,
    async () => auditLog.requireUnchanged(),
    auditLog.outside.requireCurrent,
  ])
  const routesOfKnownRecords = [
    ...createRevealRoutes({ ...shared, idempotency }),
    ...createApprovalRoutes(shared),
    ...createMatchRoutes({ ...shared, idempotency }),
    ...createRecordRoutes(shared),
    ...createSearchRoutes({ ...shared, idempotency }),
    ...createEraseRoutes({ ...shared, idempotency }),
  ]
  const routes = [
    ...createTokenizeRoutes({ ...shared, idempotency }),
    ...routesOfKnownRecords.map((route) => closeWhileOlder(auditLog.outside, route)),
    ...createAuditRoutes(basics),
    ...createLogRoutes(basics),
    ...createAccessRoutes({
      ...{ ...shared, accessTokens, clientSecrets, spendOnce, issuer, asksForCertificates },
    }),
    ...createHealthRoutes<Caller>(checkReady),
  ].map((route) => countMisses(shared, route))
  const docs = createDocsRoutes(routes, { issuer, version })

  const recordRefusal = createRecordRefusal({ ...basics, strangers: limits.strangers, outage: auditLog.outage })

  const rotation = { ...shared, movables: [...createSealedValues(keys), createSearchTerms(shared)] }
  metrics.showRotations(() => rotationFigures(database))
  const runner = config.runsRotations
    ? startRotationRunner(rotation, (result) => logger.info(result, 'rotation ended'), background)
    : undefined
  const watchKeys = createKeyWatch({ keys, now, alert, observeKey: metrics.observeKey })
  const tending: [TaskName, () => unknown][] = [
    ['adopt-access', access.adopt],
    ['keep-mac-keys', () => keepMacKeys(keyDeps)],
    ['keep-signing-keys', renewSigningKey],
    // A key that is about to be replaced is no news.
    ['watch-keys', () => background.tasks.get('keep-signing-keys')?.run().then(watchKeys)],
  ]
  for (const [name, work] of tending) {
    // A sealed vault has said so already, and forgets what it remembers of its clients. The first time is part of the start.
    const task = background.every(name, { everyMs: keys.times.tendEveryMs }, async () =>
      keys.isSealed ? clientSecrets.forgetAll() : work(),
    )
    await task.run()
  }
  const sweeps = {
    'sweep-idempotency-keys': () => sweepIdempotencyKeys(database, now()),
    ...access.sweeps,
    ...authentication.sweeps,
  }
  for (const [name, sweep] of Object.entries(sweeps) as [TaskName, () => Promise<number>][]) {
    background.every(name, { everyMs: SWEEP_EVERY_MS, firstMs: SWEEP_FIRST_MS }, sweep)
  }
  background.every('write-refusal-counts', { everyMs: REFUSALS_EVERY_MS }, limits.strangers.flush)
  let shuttingDown = false

  return {
    routes: [...routes, ...docs],
    logger,
    alert,
    metrics,
    background,
    checkReady,
    sealedBecause,
    unsealing,
    rootKeys,
    newId,
    createApp: (
      answersFor: (host: string) => boolean,
      listener: { proxies?: TrustedProxies; refusesCertificate?: RefusesCertificate } = {},
    ) =>
      createApp<Caller>({
        routes: [...routes, ...docs],
        authenticate: authentication.authenticate,
        admit,
        publicUrl: issuer,
        proxies: listener.proxies ?? createTrustedProxies([]),
        refusesCertificate: listener.refusesCertificate ?? (() => false),
        authorize: requireAnyScope,
        recordRefusal,
        describeCaller: (caller) => caller.id,
        answersFor,
        // A token is letters and digits, and some of those digits a card number's sooner or later.
        holdsCardNumber: (text) => holdsCardNumber(text, { besideLetters: false }),
        isShuttingDown: () => shuttingDown,
        closedBecause: () => sealedBecause() ?? schema.changed(),
        admission: overrides.admission,
        observe: (answered) => {
          metrics.observe(answered)
          auditLog.observe(answered)
        },
        newId,
        logger,
      }),
    /** What an operator's command asks that could not write the event of its failure itself. */
    async takeFailure(operator: AuditCaller, failure: FailedCommand): Promise<void> {
      try {
        const isWritten = await auditLog.commands.recordFailedCommand(operator, failure)
        if (!isWritten) limits.strangers.addFailure(operator.source ?? '')
      } catch (error) {
        auditLog.outage.missed(toProblem(error).code)
      }
    },
    /** From now on new requests are refused; those under way finish. */
    beginShutdown: () => {
      shuttingDown = true
    },
    commands: {
      ...createCallerCommands({ ...shared, clientSecrets, accessTokens, production, asksForCertificates }),
      ...access.commands,
      ...authentication.commands,
      reviewAccess: (operator: AuditCaller) => access.commands.reviewAccess(operator, authentication.issuers),
      explainAccess: (operator: AuditCaller, who: NamedCaller, question: AccessQuestion) =>
        explainAccess({ ...shared, admit, production }, operator, who, question),
      ...createKeyCommands({ ...rotation, ...keyDeps, issuer, hasSignedLast: auditLog.hasSignedLast }),
      ...auditLog.commands,
      applyLog: (operator: AuditCaller, request: ApplyLogRequest) =>
        applyLog({ ...shared, outside: auditLog.outside, signingKeys: auditLog.signingKeys }, operator, request),
      acceptSchema: (operator: AuditCaller, hash: string) => acceptSchema(basics, operator, hash),
      findCustomerTokens: (site: string, customer: string) => findCustomerTokens(shared, { site, customer }),
    },
    async close() {
      await background.tasks.get('write-refusal-counts')?.run()
      await Promise.all([runner?.stop(), auditLog.close()])
      await background.close()
      await limits.probes.close()
      await vaultKeys.close()
      await Promise.all([writeProbe.close(), database.close()])
    },
  }
}
