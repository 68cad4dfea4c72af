import type { Database } from '../../database/database.ts'
import { readSetting, writeSetting } from '../../database/settings-store.ts'
import { tokenPrefixes } from '../../kinds/registry.ts'
import type { ErasureLedger } from '../../records/change/erasure-ledger.ts'
import type { Token } from '../../records/record/token.ts'
import { selectUnlisted } from './erasure-store.ts'

export interface ListEarlierDeps {
  database: Database
  erasures: Pick<ErasureLedger, 'write' | 'finish'>
}

const AT_A_TIME = 200

/** Gives the records that were erased by a version without a ledger their lines, once in the life of a database. */
export async function listEarlierErasures({ database, erasures }: ListEarlierDeps): Promise<number> {
  if ((await readSetting(database, 'erasures-listed')) === 'yes') return 0
  let listed = 0
  let after: Token | undefined
  for (;;) {
    const rows = await selectUnlisted(database, after, tokenPrefixes, AT_A_TIME)
    await database.transaction(async (tx) => {
      for (const { erased_at: at, ...place } of rows) {
        const written = await erasures.write(tx, [place], { reason: 'request', at })
        if (written.size > 0) await erasures.finish(tx, [place], at)
      }
    })
    listed += rows.length
    if (rows.length < AT_A_TIME) break
    after = rows.at(-1)!.token
  }
  await writeSetting(database, 'erasures-listed', 'yes')
  return listed
}
