import type { OnlineMigration } from '../src/database/migration/online-migration.ts'

/**
 * A plan for an array with one token looks cheaper than the kept one, which is for ten, so PostgreSQL planned what the function runs at each
 * reveal. Both find records by their primary key.
 */
export const migration: OnlineMigration = {
  change: (tx) => tx.raw(`ALTER FUNCTION hold_to_release(uuid[], boolean) SET plan_cache_mode = 'force_generic_plan'`),
}
