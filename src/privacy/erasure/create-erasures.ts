import type { Access } from '../../access/create-access.ts'
import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import type { EventAuthenticity } from '../../audit/log/event-authenticity.ts'
import type { OutsideCheckpoint } from '../../audit/witness/outside-store.ts'
import type { Shipping } from '../../audit/witness/witnesses-file.ts'
import type { ErasuresConfig } from '../../config/config-sections.ts'
import type { Database } from '../../database/database.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import type { ReencryptionTarget } from '../../keys/rotation/reencryption-target.ts'
import type { Alert, AlertFacts } from '../../observability/alert.ts'
import type { Job } from '../../observability/jobs.ts'
import type { Metrics } from '../../observability/metrics.ts'
import type { ErasureCertificate } from './erasure-certificate.ts'
import { createErasureLedger, type VaultLedger } from './erasure-ledger.ts'
import { createFindMissing, unanswered } from './find-missing-erasures.ts'
import { ledgerTargets } from './ledger-targets.ts'
import { createShipLedger } from './ship-ledger.ts'

export interface CreateErasuresDeps {
  database: Database
  keys: Keys
  alert: Alert
  now: () => Date
  newAuditEvent: NewAuditEvent
  authenticity: EventAuthenticity
  issuer: string
  access: Pick<Access, 'ledger'>
  config: ErasuresConfig
  shipping: Shipping | undefined
  /** Whether this process ships the ledger and finishes what was cut off. */
  keepsLog: boolean
  metrics: Pick<Metrics, 'observeUnshipped'>
  log: (facts: AlertFacts, message: string) => void
}

interface ErasureCommands {
  certifyErasure(operator: AuditCaller, token: string): Promise<ErasureCertificate>
  /** The ledger, in pages of lines. */
  listErasures(): Promise<AsyncIterable<string[]>>
}

/** The ledger of erasures: what survives the restore of a backup from before. */
export interface Erasures {
  ledger: VaultLedger
  /** The lines outside that this database does not know; what a look at the places outside asks. */
  findMissing(isThorough: boolean): Promise<OutsideCheckpoint[]>
  /** How many of them no operator has answered for, all read again. */
  countMissing(): Promise<number>
  /** What a rotation of keys forgets. */
  targets(): Promise<readonly ReencryptionTarget[]>
  commands: ErasureCommands
  jobs: readonly Job[]
}

const SHIP_EVERY_MS = 2_000
const FINISH_EVERY_MS = 60_000

export function createErasures(deps: CreateErasuresDeps): Erasures {
  const { database, config, shipping, keepsLog } = deps
  const targets = ledgerTargets(config.file, shipping)
  const shipper = createShipLedger({ ...deps, targets })
  const ledger = createErasureLedger({ ...deps, access: deps.access.ledger, shipper })
  const work = { ...deps, ledger, erasures: ledger }
  const read = { ...deps, files: targets.files, ledger }
  const jobs: readonly Job[] = [
    {
      name: 'ship-erasures',
      everyMs: SHIP_EVERY_MS,
      firstMs: SHIP_EVERY_MS,
      async run() {
        await shipper.run()
        deps.metrics.observeUnshipped(await shipper.countWaiting())
      },
    },
    {
      name: 'finish-erasures',
      everyMs: FINISH_EVERY_MS,
      firstMs: FINISH_EVERY_MS,
      async run() {
        if (deps.keys.isSealed) return
        const { listEarlierErasures } = await import('./list-earlier-erasures.ts')
        const { finishErasures } = await import('./finish-erasures.ts')
        await listEarlierErasures(work)
        await finishErasures(work)
      },
    },
  ]
  return {
    ledger,
    findMissing: createFindMissing(read),
    async countMissing() {
      // On its own: the look of a server goes on from where it has read to.
      const missing = await createFindMissing(read)(true)
      const roots = missing.map(({ root }) => root)
      return (await unanswered(database, roots)).size
    },
    jobs: keepsLog ? jobs : [],
    async targets() {
      const { customersOfErased } = await import('./customers-of-erased.ts')
      return [customersOfErased]
    },
    commands: {
      async certifyErasure(operator, token) {
        const { certifyErasure } = await import('./erasure-certificate.ts')
        return certifyErasure({ ...deps, ledger, backupDays: config.backupDays }, operator, token)
      },
      async listErasures() {
        const { walkLines } = await import('./erasure-store.ts')
        return walkLines(database)
      },
    },
  }
}
