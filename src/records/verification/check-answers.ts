import type { Database, Queryable } from '../../database/database.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { giveWay } from '../../values/time-slice.ts'
import { answerContext } from '../idempotency/kept-answers.ts'
import { tokensIn } from '../record/tokens-in.ts'
import { openOrReport, type PageFindings, readJson } from './open-or-report.ts'
import type { Walk } from './record-finding.ts'
import { type AnswerToCheck, inOneSnapshot, selectAnswersToCheck, selectLive } from './verification-store.ts'

/** One row may be the answer to a batch of a thousand checkouts. */
const PAGE_ROWS = 20

interface CheckAnswersDeps {
  database: Database
  keys: Keys
  now: () => Date
}

/** The kept answers that are not over yet: each opens in its row, and every record in it is there. */
export function createAnswersWalk(deps: CheckAnswersDeps): Walk {
  return {
    table: 'idempotency_keys',
    check: (after = []) =>
      inOneSnapshot(deps.database, async (tx) => {
        const rows = await selectAnswersToCheck(tx, after, PAGE_ROWS)
        const page: PageFindings = { findings: [], unbound: 0 }
        for (const row of rows) {
          await giveWay()
          if (row.expires_at > deps.now()) await checkAnswer(deps, tx, page, row)
        }
        const next = rows.length < PAGE_ROWS ? undefined : [rows.at(-1)!.key_hash]
        return { ...page, rows: rows.length, next }
      }),
  }
}

async function checkAnswer(
  { keys }: CheckAnswersDeps,
  tx: Queryable,
  page: PageFindings,
  row: AnswerToCheck,
): Promise<void> {
  const { response_key_id: keyId, response_sealed: bytes } = row
  if (keyId === null || bytes === null) return
  if (keys.ring.find(row.index_key_id)?.purpose !== 'index') {
    page.findings.push({ code: 'key-missing', detail: 'a kept answer is found by an index key that does not exist' })
  }
  const context = answerContext({
    keyHash: row.key_hash,
    requestHash: row.request_hash,
    indexKeyId: row.index_key_id,
    expiresAt: row.expires_at,
  })
  const answer = readJson<unknown>(
    await openOrReport(keys, page, { keyId, bytes }, context, { value: 'a kept answer' }),
  )
  const tokens = tokensIn(answer)
  const live = await selectLive(tx, tokens)
  for (const token of tokens.filter((one) => !live.has(one))) {
    page.findings.push({ code: 'answer-stray', token, detail: 'a kept answer names a record that is not there' })
  }
}
