import { createSetMacs, destinationSets } from '../access/applied-sets/applied-set.ts'
import { selectRevision } from '../access/applied-sets/applied-set-store.ts'
import type { Applied } from '../access/applied-sets/apply-set.ts'
import type { Access } from '../access/create-access.ts'
import type { AuditCaller, NewAuditEvent } from '../audit/event/audit-event.ts'
import type { Database } from '../database/database.ts'
import type { Keys } from '../keys/ring/keys.ts'
import { type Alert, createNewsAlert } from '../observability/alert.ts'
import type { NewId } from '../values/identifier.ts'
import { once } from '../values/once.ts'
import type { Sensitive } from '../values/sensitive.ts'
import type { Destination } from './destination.ts'
import type { DestinationsFile } from './destination-file.ts'
import type { DestinationSet } from './destination-set.ts'
import type { BuiltRequest, Filling } from './request/build-request.ts'
import type { CallerInput } from './request/check-input.ts'
import type { DescribedRequest, MaskedRecords } from './request/describe-request.ts'
import type { SignDeps } from './request/unsigned-request.ts'
import type { SecretLine } from './set/change-secrets.ts'
import type { CheckedDestinations } from './set/check-destinations.ts'

export interface CreateDestinationsDeps extends Pick<SignDeps, 'messageKey'> {
  access: Pick<Access, 'ledger' | 'macs' | 'roles'>
  alert: Alert
  database: Database
  keys: Keys
  newAuditEvent: NewAuditEvent
  newId: NewId
  now: () => Date
}

/** The operator's commands over destinations. */
interface DestinationCommands {
  readDestinations(): Promise<DestinationSet>
  checkDestinations(file: DestinationsFile): Promise<CheckedDestinations>
  /** @throws {UnfitDestinations} */
  applyDestinations(operator: AuditCaller, file: DestinationsFile): Promise<Applied>
  setSecret(operator: AuditCaller, name: string, value: Sensitive<string>): Promise<void>
  listSecrets(): Promise<SecretLine[]>
  removeSecret(operator: AuditCaller, name: string): Promise<void>
}

/** Where stored data may be forwarded to, and where notices and alerts are sent. */
export interface Destinations {
  /** Everything that is in force now. @throws {Problem} sealed, busy, database-unavailable */
  inForce(): Promise<DestinationSet>
  /** The destination of that name in force now. @throws {Problem} sealed, busy, database-unavailable */
  find(name: string): Promise<Destination | undefined>
  /** Builds and signs a request. It reads the secrets, and changes nothing. */
  build(destination: Destination, filling: Filling): Promise<BuiltRequest>
  /** What `build` would build, masked and unsigned. Nothing is read. */
  describe(
    destination: Destination,
    records: MaskedRecords,
    sent: CallerInput & { hasCode?: boolean },
  ): Promise<DescribedRequest>
  /** Puts a set without any destination or receiver in force. */
  withdraw(operator: AuditCaller, newAuditEvent: NewAuditEvent): Promise<void>
  commands: DestinationCommands
}

/** Everything is loaded when it is needed. */
export function createDestinations(deps: CreateDestinationsDeps): Destinations {
  const { access, alert, database, keys } = deps
  const { ledger } = access
  const macs = createSetMacs(keys.macs, destinationSets)
  const tell = createNewsAlert(alert)
  const current = once(async () => {
    const { createCurrentDestinations } = await import('./set/current-destinations.ts')
    return createCurrentDestinations({ database, macs, ledger, alert })
  })
  const build = once(async () => {
    const { buildRequest } = await import('./request/build-request.ts')
    const { openSecrets } = await import('./set/open-secrets.ts')
    const open = (destination: Destination) => openSecrets({ database, keys, ledger, tell }, destination)
    return (destination: Destination, filling: Filling) =>
      buildRequest({ ...deps, openSecrets: open }, destination, filling)
  })
  const check = { ...deps, ...access }
  const secrets = () => import('./set/change-secrets.ts')
  const apply = async (operator: AuditCaller, file: DestinationsFile, newAuditEvent: NewAuditEvent) => {
    const { applyDestinations } = await import('./set/apply-destinations.ts')
    const own = { ...deps, macs, ledger, check, newAuditEvent, current: await current() }
    return applyDestinations(own, operator, file)
  }
  const inForce = async () => {
    const set = await current()
    return set.at(await selectRevision(database, destinationSets))
  }
  return {
    inForce,
    find: async (name) => (await inForce()).destinations.get(name),
    build: async (destination, filling) => (await build())(destination, filling),
    async describe(destination, records, sent) {
      const { describeRequest } = await import('./request/describe-request.ts')
      return describeRequest(destination, records, sent)
    },
    async withdraw(operator, newAuditEvent) {
      await apply(operator, { format: 1, destinations: {} }, newAuditEvent)
    },
    commands: {
      readDestinations: async () => (await current()).refresh(),
      async checkDestinations(file) {
        const { checkDestinations } = await import('./set/check-destinations.ts')
        return checkDestinations(check, file)
      },
      applyDestinations: (operator, file) => apply(operator, file, deps.newAuditEvent),
      setSecret: async (operator, name, value) =>
        (await secrets()).setSecret({ ...deps, ledger }, operator, name, value),
      listSecrets: async () => (await secrets()).listSecrets({ ...deps, current: await current() }),
      removeSecret: async (operator, name) =>
        (await secrets()).removeSecret({ ...deps, ledger, current: await current() }, operator, name),
    },
  }
}
