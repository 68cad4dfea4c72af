import path from 'node:path'
import type { CommandTarget, Shipping, UrlTarget } from '../../audit/witness/witnesses-file.ts'

/** Where the lines of the ledger go, so that a restored database can be compared with them. */
export interface LedgerTargets {
  /** Files, which a start reads back. */
  files: readonly string[]
  /** Programs and URLs, which cannot be read back. */
  others: readonly (CommandTarget | UrlTarget)[]
}

const SUFFIX = '.erasures'

/**
 * A file of its own, and the targets of checkpoints: beside a file of checkpoints lies one of erasures, and a command or
 * a URL gets both. Witnesses sign checkpoints alone.
 */
export function ledgerTargets(ownFile: string | undefined, shipping: Shipping | undefined): LedgerTargets {
  const targets = shipping?.targets ?? []
  const beside = targets.flatMap((target) => (target.kind === 'file' ? [`${target.file}${SUFFIX}`] : []))
  const files = ownFile === undefined ? beside : [path.resolve(ownFile), ...beside]
  return {
    files: [...new Set(files)],
    others: targets.filter((target) => target.kind === 'command' || target.kind === 'url'),
  }
}
