import type { KeyExposure } from '../keys/lifecycle/compromise.ts'
import type { InventoryLine } from '../keys/lifecycle/inventory.ts'
import type { KeyStatus } from '../keys/lifecycle/key-status.ts'
import type { OpenBackups } from '../keys/lifecycle/open-backups.ts'
import { table } from './table.ts'

/** The inventory as a table for a person. */
export function showInventory(lines: readonly InventoryLine[]): string {
  const head = ['id', 'purpose', 'state', 'algorithm', 'bits', 'age', 'uses', 'references', 'expires', 'worn', 'use']
  const rows = lines.map((line) => [
    line.id,
    line.purpose,
    shownState(line),
    line.algorithm,
    String(line.strength_bits),
    `${line.age_days} d`,
    line.uses === null ? '-' : String(line.uses),
    String(line.references),
    line.expires_at?.slice(0, 10) ?? '-',
    line.worn === null || line.worn < 0.8 ? '' : line.worn < 1 ? 'rotate soon' : 'EXPIRED',
    line.use,
  ])
  return table(head, rows)
}

/** The census as a table for a person. */
export function showStatus(status: readonly KeyStatus[]): string {
  const rows = status.map(({ records, sealed_values, search_terms, rotation, ...key }) => [
    key.id,
    key.purpose,
    shownState(key),
    records === null ? null : String(records),
    sealed_values === null ? null : `${sealed_values} sealed values`,
    search_terms === null ? null : `${search_terms} search terms`,
    rotation === null ? null : `${rotation.state}: ${rotation.moved} of ${rotation.total} moved`,
  ])
  return table(['id', 'purpose', 'state', 'records', 'values', 'terms', 'rotation'], rows)
}

function shownState({ state, closed }: { state: string; closed: boolean }): string {
  return closed && state !== 'destroyed' ? `${state}, closed` : state
}

/** What a compromised key exposes. */
export function showExposure({ id, exposed_since, replaced_by, exposed, exposed_by }: KeyExposure): string {
  const since =
    exposed_since === null ? 'it never protected anything' : `everything that it protected since ${exposed_since}`
  return [
    `${id} is compromised: ${since} is exposed.`,
    ...(replaced_by === null ? [] : [`${replaced_by} took its place.`]),
    `${exposed} values are still under it${exposed === 0 ? '.' : ':'}`,
    ...Object.entries(exposed_by).map(([column, count]) => `  ${count} in ${column}`),
  ].join('\n')
}

/** What old backups still open after a key was destroyed. */
export function showBackups(id: string, { made_from, made_until, root_keys }: OpenBackups): string {
  const rows = root_keys.map((root) => [root.from, root.until, root.id, root.provider])
  return [
    `Backups made from ${made_from} until ${made_until} hold ${id} still, wrapped by the root key of their day.`,
    `A person who has one of them and that root key can open what it holds under ${id}:`,
    table(['backups from', 'until', 'open with', 'of'], rows),
    'To prevent that, destroy those backups, or what opens these root keys: passphrase files, shares, KMS or HSM keys.',
  ].join('\n')
}
