import type { Limits } from '../access/access-control.ts'
import { createKinds } from '../kinds/kinds.ts'
import type { CreateRecordsDeps } from './create-records.ts'
import type { RecordDeps } from './dependencies.ts'
import { createIdempotency, type Idempotency } from './idempotency/idempotency.ts'
import { createLookUp, createRecordBatches } from './record-batches.ts'
import { settleCardSearch } from './search/card-search-setting.ts'
import { createFindByTerm } from './search/find-by-term.ts'
import { createWhy } from './why/why.ts'
import { loadWhyRules } from './why/why-rules.ts'

/** What the use cases of records are made of, and what their routes share. */
export interface RecordParts extends RecordDeps, Limits {
  idempotency: Idempotency
}

/** @throws {ConfigError} for tickets or authorities that cannot be asked for */
export async function createRecordParts(given: CreateRecordsDeps): Promise<RecordParts> {
  const { access, config, database, gate, keys, now } = given
  const findsCards = await settleCardSearch(database, config.findsCards, given.recordedIssuer === 'write')
  return {
    ...given,
    ...access,
    ...access.limits,
    kinds: createKinds(now, findsCards),
    findsCards,
    why: createWhy(await loadWhyRules(config)),
    batches: given.batches ?? createRecordBatches(database, gate.requireOpen),
    findByTerm: createFindByTerm(given),
    lookUp: createLookUp(database),
    idempotency: createIdempotency({ database, keys, now, requireRelease: gate.requireOpen }),
  }
}
