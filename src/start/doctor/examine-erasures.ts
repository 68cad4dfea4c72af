import { loadShipping } from '../../audit/witness/witnesses-file.ts'
import type { Config } from '../../config/config-sections.ts'
import type { Database } from '../../database/database.ts'
import { countWaiting } from '../../privacy/erasure/erasure-store.ts'
import { countMissing } from '../../privacy/erasure/find-missing-erasures.ts'
import { ledgerTargets } from '../../privacy/erasure/ledger-targets.ts'
import { findUnverified } from '../../privacy/retention/verify-retention.ts'
import type { Finding } from './doctor.ts'

/**
 * What should be gone and is not, and erasures of which a backup would know nothing. Without keys: holds and policies are
 * taken as the rows say. All of it is a warning.
 *
 * @param vault its id, as far as it is known
 */
export async function examineErasures(
  { audit, erasures }: Pick<Config, 'audit' | 'erasures'>,
  database: Database,
  now = new Date(),
  vault?: string,
): Promise<Finding[]> {
  const { overdue, unfinished, unreviewed, revived } = await findUnverified(database, now)
  const waiting = await countWaiting(database)
  // A file that cannot be used is a finding of its own.
  const shipping = await loadShipping(audit.witnessesFile).catch(() => undefined)
  const missing = await countMissing(database, ledgerTargets(erasures.file, shipping).files, vault)
  const isShipped = audit.witnessesFile !== undefined || erasures.file !== undefined
  return [
    ...warning(
      missing > 0,
      'restored-backup',
      `the ledger of erasures outside has ${missing} erasures that this database has not done: nothing is read until "strongroom restore apply --erasures FILE" or "restore waive" was run.`,
    ),
    ...warning(
      overdue > 0,
      'retention-overdue',
      `${overdue} records are past their time by more than a day: look at "strongroom retention run --dry-run", and enable it.`,
    ),
    ...warning(
      unfinished > 0,
      'erasures-unfinished',
      `${unfinished} erasures were ordered more than a day ago and are not done: a running server does them within a minute, unless a hold keeps the record ("strongroom retention hold list").`,
    ),
    ...warning(
      unreviewed > 0,
      'holds-unreviewed',
      `the review of ${unreviewed} holds is overdue: look at "strongroom retention hold list".`,
    ),
    ...warning(
      revived > 0,
      'erased-record-back',
      `${revived} records were erased and are there again: "strongroom retention verify" names them. Erase them again.`,
    ),
    ...warning(
      isShipped && waiting.unfiled + waiting.unsent > FEW_WAITING,
      'erasures-undelivered',
      `${Math.max(waiting.unfiled, waiting.unsent)} lines of the ledger of erasures have not arrived outside: look at its targets.`,
    ),
    ...warning(
      !isShipped && waiting.unfiled > 0,
      'erasures-unshipped',
      'records were erased, and the ledger that says so is only in the database: a restored backup would bring them back unnoticed. Name a file on another disk in STRONGROOM_ERASURES_FILE.',
    ),
  ]
}

/** A running server ships lines all the time. */
const FEW_WAITING = 100

function warning(present: boolean, code: string, detail: string): Finding[] {
  return present ? [{ code, detail, severity: 'warning' }] : []
}
