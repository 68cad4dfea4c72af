import { hostname } from 'node:os'
import type { EventBook, NewAuditEvent } from '../audit/event/audit-event.ts'
import { inBook } from '../audit/event/event-book.ts'
import { createNewAuditEvent } from '../audit/event/new-audit-event.ts'
import { type Job, sweepJob } from '../observability/jobs.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Problem } from '../values/problem.ts'
import { createEventMacs, createVaultBook, type EventMacs } from './lifecycle/event-macs.ts'
import { keepMacKeys } from './lifecycle/keep-mac-keys.ts'
import { keepSigningKeys } from './lifecycle/keep-signing-keys.ts'
import { createKeyCommands, type KeyCommandDeps, type KeyCommands } from './lifecycle/key-commands.ts'
import type { RootKeys } from './lifecycle/root-key-commands.ts'
import type { Unsealing } from './lifecycle/unseal.ts'
import { createKeyWatch } from './lifecycle/watch-keys.ts'
import { type MessageKey, messageKey } from './message-key.ts'
import { openVaultKeys, type VaultKeysOptions } from './open-vault-keys.ts'
import type { RegistryAge } from './registry/registry-age.ts'
import type { Keys } from './ring/keys.ts'
import { runRotationsJob } from './rotation/rotation-runner.ts'
import { rotationFigures } from './rotation/rotation-store.ts'
import { createScriptKeys, type ScriptKeys } from './script-keys.ts'

export interface CreateKeysDeps extends Omit<VaultKeysOptions, 'newAuditEvent'> {
  metrics: Pick<Metrics, 'observeKey'>
  /** Whether this process puts events into the log. */
  keepsLog: boolean
  /** How long the longest token lives that a token-signing key may have signed. */
  longestTokenSeconds: number
}

/** The vault's keys, what is signed and proven with them, and the jobs that replace them in time. */
export interface VaultKeys {
  keys: Keys
  book: EventBook
  newAuditEvent: NewAuditEvent
  eventMacs: EventMacs
  registryAge: RegistryAge
  rootKeys: RootKeys
  unsealing: Unsealing
  /** Why nothing can be done with the keys now; undefined when it can. */
  sealedBecause(): Problem | undefined
  renewSigningKey(): Promise<void>
  /** The vault's own key for messages to third parties. @throws {Problem} as `Keys.active` */
  messageKey(): Promise<MessageKey>
  /** The one for receipts of consents. @throws {Problem} as `Keys.active` */
  receiptKey(): Promise<MessageKey>
  /** Those for the script of shops. */
  scriptKeys: ScriptKeys
  jobs: readonly Job[]
  close(): Promise<void>
}

/** Opens the keys of the vault. The root key may be away: then they are sealed. */
export async function createKeys(deps: CreateKeysDeps): Promise<VaultKeys> {
  const { alert, background, database, newId, now } = deps
  const book = createVaultBook({ keys: () => opened.keys, newId, alert, remembers: deps.keepsLog })
  const newAuditEvent = inBook(book, createNewAuditEvent(now, newId, hostname()))
  const opened = await openVaultKeys({ ...deps, newAuditEvent })
  const { keys } = opened
  const keyDeps = { database, keys, newAuditEvent, now, longestTokenSeconds: deps.longestTokenSeconds }
  const eventMacs = createEventMacs(keyDeps)
  const renewSigningKey = () => keepSigningKeys(keyDeps)
  const watchKeys = createKeyWatch({ keys, now, alert, observeKey: deps.metrics.observeKey })
  const everyMs = keys.times.tendEveryMs
  return {
    ...opened,
    book,
    newAuditEvent,
    eventMacs,
    renewSigningKey,
    messageKey: () => messageKey({ keys, renewSigningKey }),
    receiptKey: () => messageKey({ keys, renewSigningKey }, 'receipt-signing'),
    scriptKeys: createScriptKeys({ keys, renewSigningKey }),
    sealedBecause() {
      try {
        void keys.ring
        return undefined
      } catch (error) {
        return error as Problem
      }
    },
    jobs: [
      { name: 'keep-mac-keys', everyMs, run: () => keepMacKeys(keyDeps) },
      { name: 'keep-signing-keys', everyMs, run: renewSigningKey },
      { name: 'close-event-keys', everyMs, run: eventMacs.closeReplaced },
      // The watch comes after the replacement, so that a key which is about to be replaced raises no alert.
      { name: 'watch-keys', everyMs, run: () => background.tasks.get('keep-signing-keys')?.run().then(watchKeys) },
    ],
  }
}

export interface KeyLifecycleDeps extends KeyCommandDeps {
  /** Whether this process runs the rotations that operators leave to the servers. */
  runsRotations: boolean
  logger: Pick<Logger, 'info'>
  metrics: Pick<Metrics, 'showRotations'>
}

/** Rotations and the end of a key: they need to know everything that keys protect. */
export interface KeyLifecycle {
  commands: KeyCommands
  jobs: readonly Job[]
  /** A rotation under way finishes its page. */
  close(): Promise<void>
}

export function createKeyLifecycle(deps: KeyLifecycleDeps): KeyLifecycle {
  const closing = new AbortController()
  const onRotated = (result: object) => deps.logger.info(result, 'rotation ended')
  deps.metrics.showRotations(() => rotationFigures(deps.database))
  return {
    commands: createKeyCommands(deps),
    jobs: [
      ...(deps.runsRotations ? [runRotationsJob(deps, onRotated, closing.signal)] : []),
      sweepJob('destroy-index-keys', async () => {
        const { destroyFreed } = await import('./lifecycle/emptied-index-keys.ts')
        return destroyFreed(deps)
      }),
    ],
    close: async () => closing.abort(),
  }
}
