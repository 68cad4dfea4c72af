import type { KeyRow, RootKeyRow } from '../key/key.ts'

/**
 * The backups that a destroyed key still opens: a backup from its time holds the key, wrapped by the root key of that
 * day. A person who has both can open all that the backup holds under the key. Times are RFC 3339 in UTC.
 */
export interface OpenBackups {
  made_from: string
  made_until: string
  /** Which root key opens the backups of which days, in the order of their time. */
  root_keys: { id: string; provider: string; from: string; until: string }[]
}

/** @param destroyedAt later backups do not hold the key */
export function openBackupsOf(key: KeyRow, rootKeys: readonly RootKeyRow[], destroyedAt: Date): OpenBackups {
  const iso = (ms: number) => new Date(ms).toISOString()
  const [made, gone] = [key.created_at.getTime(), destroyedAt.getTime()]
  const spans = rootKeys.map(({ id, provider, created_at, activated_at, deactivated_at }) => ({
    id,
    provider,
    from: Math.max(made, (activated_at ?? created_at).getTime()),
    until: Math.min(gone, (deactivated_at ?? destroyedAt).getTime()),
  }))
  return {
    made_from: iso(made),
    made_until: iso(gone),
    root_keys: spans
      .filter(({ from, until }) => from <= until)
      .sort((one, other) => one.from - other.from)
      .map((span) => ({ ...span, from: iso(span.from), until: iso(span.until) })),
  }
}
