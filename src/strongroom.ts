import { createAccessControl } from './access/access-control.ts'
import { ACCESS_MACS } from './access/access-macs.ts'
import { createAccessRoutes } from './access/access-routes.ts'
import { MAX_TOKEN_SECONDS } from './access/access-token.ts'
import { createAuthentication } from './access/authentication.ts'
import type { Caller } from './access/caller.ts'
import { createCallerCommands } from './access/caller-commands.ts'
import type { NamedCaller } from './access/find-caller.ts'
import { requireAnyScope } from './access/grant.ts'
import { createRateLimit } from './access/rate-limit.ts'
import { createAlert } from './alert.ts'
import { type AuditCaller, createNewAuditEvent } from './audit/audit-event.ts'
import { createAuditLog } from './audit/audit-log.ts'
import { createAuditRoutes } from './audit/audit-routes.ts'
import { createLogRoutes } from './audit/log-routes.ts'
import { createRecordEvent } from './audit/record-event.ts'
import { loadShipping } from './audit/witness/witnesses-file.ts'
import { openDatabase } from './database/database.ts'
import { readSetting, writeSetting } from './database/settings-store.ts'
import { createApp, type Refusal } from './http/app.ts'
import { createDocsRoutes } from './http/docs-routes.ts'
import { createHealthRoutes } from './http/health-routes.ts'
import { createMetrics } from './http/metrics.ts'
import { createLogger, describeError } from './http/request-log.ts'
import { createNewId } from './identifier.ts'
import { keepSigningKeys } from './keys/keep-signing-keys.ts'
import { createKeyCommands } from './keys/key-commands.ts'
import { openVaultKeys } from './keys/open-vault-keys.ts'
import { createRandomBytes } from './keys/random.ts'
import { startRotationRunner } from './keys/rotation/rotation-runner.ts'
import { rotationFigures } from './keys/rotation/rotation-store.ts'
import { createSealedValues } from './keys/rotation/sealed-values.ts'
import { createKeyWatch } from './keys/watch-keys.ts'
import { looksLikeCardNumber } from './kinds/card-number.ts'
import { createKinds } from './kinds/kinds.ts'
import type { Problem } from './problem.ts'
import { createApprovalRoutes } from './records/approval-routes.ts'
import { createEraseRoutes } from './records/erase-routes.ts'
import { type AccessQuestion, explainAccess } from './records/explain-access.ts'
import { findCustomerTokens } from './records/find-customer-tokens.ts'
import { createIdempotency } from './records/idempotency.ts'
import { sweepIdempotencyKeys } from './records/idempotency-store.ts'
import { createMatchRoutes } from './records/match-routes.ts'
import { createRecordBatches } from './records/record-batches.ts'
import { createRecordRoutes } from './records/record-routes.ts'
import { createSearchTerms } from './records/reindex.ts'
import { createRevealRoutes } from './records/reveal-routes.ts'
import { parseToken } from './records/token.ts'
import { createTokenizeRoutes } from './records/tokenize-routes.ts'
import type { Overrides, RootKeySettings, StrongroomConfig } from './strongroom-config.ts'
import { version } from './version.ts'

const SWEEP_EVERY_MS = 10 * 60 * 1000
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
  const newAuditEvent = createNewAuditEvent(now, newId)
  const metrics = createMetrics()
  const onBackgroundError = (error: unknown) => logger.error({ reason: describeError(error) }, 'background task failed')

  const alert = createAlert((facts, message) => logger.error(facts, message), metrics.alert)

  const shipping = await loadShipping(config.witnessesFile)
  const database = openDatabase({
    url: config.databaseUrl,
    caFile: config.databaseCaFile,
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
    onError: onBackgroundError,
    times: overrides.keyTimes,
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
  const basics = { alert, database, keys, newAuditEvent, now, newId, recordEvent }
  const access = createAccessControl(basics, {
    cards: config.cardLimits,
    openApprovals: config.openApprovals,
    ...overrides.limits,
  })
  const { roles, limits, admit, macs } = access
  const { issuersFile, production } = config
  const authentication = await createAuthentication({
    ...basics,
    roles,
    renewSigningKey,
    issuer,
    issuersFile,
    production,
  }).catch(giveUp)
  const { accessTokens, clientSecrets, spendOnce } = authentication
  const rateLimit = createRateLimit(database, access.pseudonym, overrides.rateLimits)
  const idempotency = createIdempotency({ database, keys, now })
  const batches = overrides.batches ?? createRecordBatches(database)
  const shared = { ...basics, ...limits, batches, roles, macs, kinds, randomBytes }

  const auditLog = await createAuditLog(basics, {
    isKeptHere: config.keepsLog ?? false,
    origin: config.auditOrigin ?? `${new URL(issuer).host}/audit`,
    shipping,
    observeWaiting: metrics.observeAuditWaiting,
    log: (facts, message) => logger.info(facts, message),
    onError: onBackgroundError,
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

  /** Asks the database, and with it whether the ring in memory is the registry's. @throws {Problem} */
  const checkReady = () => keys.refresh()
  const routes = [
    ...createTokenizeRoutes({ ...shared, idempotency }),
    ...createRevealRoutes({ ...shared, idempotency }),
    ...createApprovalRoutes(shared),
    ...createMatchRoutes({ ...shared, idempotency }),
    ...createRecordRoutes({ ...shared, idempotency }),
    ...createEraseRoutes({ ...shared, idempotency }),
    ...createAuditRoutes(basics),
    ...createLogRoutes(basics),
    ...createAccessRoutes({
      ...{ ...shared, accessTokens, clientSecrets, rateLimit, spendOnce, issuer },
      asksForCertificates: config.asksForCertificates ?? false,
    }),
    ...createHealthRoutes<Caller>(checkReady),
  ]
  const docs = createDocsRoutes(routes, { issuer, version })

  async function recordRefusal({ problem, requestId, route, caller, token }: Refusal<Caller>): Promise<void> {
    const event = newAuditEvent({
      type: 'request.refuse',
      outcome: problem.status >= 500 ? 'failed' : 'refused',
      request_id: requestId,
      caller: caller && { id: caller.id, kind: caller.kind, role: caller.role },
      site: caller?.site,
      // Whoever is not known has no site, so every site's auditor may read this: it says nothing of a record.
      // What no record has is no token but somebody's input, and is not kept either.
      token: caller && token !== undefined && problem.code !== 'record-not-found' ? parseToken(token) : undefined,
      code: problem.code,
      route,
    })
    await recordEvent(event)
    if (caller && problem.code === 'record-not-found') await limits.probes.spend(caller, 1)
  }

  const rotation = { ...shared, movables: [...createSealedValues(keys), createSearchTerms(shared)] }
  metrics.showRotations(() => rotationFigures(database))
  const runner = config.runsRotations
    ? startRotationRunner(rotation, (result) => logger.info(result, 'rotation ended'), onBackgroundError)
    : undefined
  const watchKeys = createKeyWatch({ keys, now, alert, observeKey: metrics.observeKey })
  const tendKeys = async () => {
    // A sealed vault has said so already.
    if (!keys.isSealed) await access.adopt().then(renewSigningKey).then(watchKeys)
  }
  await tendKeys().catch(onBackgroundError)
  const keyTender = setInterval(() => void tendKeys().catch(onBackgroundError), keys.times.tendEveryMs).unref()

  const sweep = () => {
    const sweeps = [sweepIdempotencyKeys(database, now()), access.sweep(), authentication.sweep()]
    for (const swept of sweeps) void swept.catch(onBackgroundError)
  }
  const sweeper = setInterval(sweep, SWEEP_EVERY_MS).unref()
  let shuttingDown = false

  return {
    routes: [...routes, ...docs],
    logger,
    metrics,
    checkReady,
    sealedBecause,
    unsealing,
    rootKeys,
    newId,
    createApp: (answersFor: (host: string) => boolean) =>
      createApp<Caller>({
        routes: [...routes, ...docs],
        authenticate: authentication.authenticate,
        admit,
        publicUrl: issuer,
        authorize: requireAnyScope,
        recordRefusal,
        describeCaller: (caller) => caller.id,
        answersFor,
        looksLikeCardNumber,
        isShuttingDown: () => shuttingDown,
        sealedBecause,
        observe: (answered) => {
          metrics.observe(answered)
          auditLog.observe(answered)
        },
        newId,
        logger,
      }),
    /** From now on new requests are refused; those under way finish. */
    beginShutdown: () => {
      shuttingDown = true
    },
    commands: {
      ...createCallerCommands({ ...shared, clientSecrets, accessTokens, production }),
      ...access.commands,
      findMappingFault: authentication.findMappingFault,
      reviewAccess: (operator: AuditCaller) => access.commands.reviewAccess(operator, authentication.issuers),
      explainAccess: (operator: AuditCaller, who: NamedCaller, question: AccessQuestion) =>
        explainAccess({ ...shared, admit, production }, operator, who, question),
      ...createKeyCommands({ ...rotation, ...keyDeps, issuer, hasSignedLast: auditLog.hasSignedLast }),
      ...auditLog.commands,
      findCustomerTokens: (site: string, customer: string) => findCustomerTokens(shared, { site, customer }),
    },
    async close() {
      clearInterval(sweeper)
      await Promise.all([runner?.stop(), auditLog.close()])
      clearInterval(keyTender)
      await vaultKeys.close()
      await database.close()
    },
  }
}
