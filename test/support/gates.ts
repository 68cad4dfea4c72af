import { createBatch } from '../../src/database/batch.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { createRecordBatches, type RecordBatches } from '../../src/records/record-batches.ts'
import { insertRecords, type NewRecords } from '../../src/records/tokenize/tokenize-store.ts'
import type { TestDatabase } from './postgres.ts'

/** The policy versions that the triggers of `installGates` look for: records have them in the clear. */
export const gates = {
  statement: 'gate',
  commit: 'gate-at-commit',
  poison: 'poison',
  atCommitPoison: 'poison-at-commit',
}

/** Statements and commits that a test holds up, or makes fail, through what a request says its policy version is. */
export async function installGates(database: TestDatabase): Promise<void> {
  await database.sql(`
    CREATE FUNCTION stop_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF name_of('policy', NEW.policy) LIKE 'gate%' THEN PERFORM pg_advisory_xact_lock_shared(1); END IF;
      IF name_of('policy', NEW.policy) LIKE 'poison%' THEN RAISE EXCEPTION 'poison'; END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER gate BEFORE INSERT ON records FOR EACH ROW
      WHEN (name_of('policy', NEW.policy) IN ('${gates.statement}', '${gates.poison}')) EXECUTE FUNCTION stop_at_gate();
    CREATE CONSTRAINT TRIGGER gate_at_commit AFTER INSERT ON records DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
      WHEN (name_of('policy', NEW.policy) IN ('${gates.commit}', '${gates.atCommitPoison}')) EXECUTE FUNCTION stop_at_gate();`)
}

/** Closes the gates; the result opens them. */
export const closeGates = (database: TestDatabase) => database.hold('SELECT pg_advisory_xact_lock(1)')

/** The real batches on a pool of their own, which tell how many requests have come to them so far. */
export interface ObservedBatches {
  batches: RecordBatches
  arrived: { insert: number; release: number }
  close: Database['close']
}

export function observeBatches(url: string, options: { maxWaitingRows?: number } = {}): ObservedBatches {
  const database = openDatabase({ url, lockTimeoutMs: 20_000 })
  const { release, releaseApproved, commitMatch } = createRecordBatches(database)
  const run = (writes: readonly NewRecords[]) => insertRecords(database, writes)
  const insert = createBatch({ run, ...options })
  const arrived = { insert: 0, release: 0 }
  return {
    batches: {
      commitMatch,
      releaseApproved,
      insert(write) {
        arrived.insert++
        return insert(write)
      },
      release(wanted) {
        arrived.release++
        return release(wanted)
      },
    },
    arrived,
    close: () => database.close(),
  }
}
