import type { AuditCaller, AuditEvent, NewAuditEvent } from '../audit/event/audit-event.ts'
import { insertEvents } from '../audit/event/audit-store.ts'
import type { Database } from '../database/database.ts'
import type { Keys } from '../keys/ring/keys.ts'
import { storeUnderKeys } from '../keys/ring/store-under-keys.ts'
import { changeRecord } from '../privacy/consents/change-consents.ts'
import type { RecordDeps } from '../records/dependencies.ts'
import { holdRecords, lockRecord } from '../records/record/record-store.ts'
import type { Token } from '../records/record/token.ts'
import type { WithdrawnConsents } from './takeaways.ts'

/** A record that a backup has brought back with consents that were withdrawn since. */
export interface ConsentedAgain extends WithdrawnConsents {
  token: Token
}

/** How many are changed in one transaction. */
const AT_A_TIME = 100

/** Withdraws consents again, each record with an event of its own that names the first withdrawal. */
export async function withdrawAgain(
  deps: { database: Database; keys: Keys; newAuditEvent: NewAuditEvent; now: () => Date } & Pick<
    RecordDeps,
    'kinds' | 'policies'
  >,
  operator: AuditCaller,
  records: readonly ConsentedAgain[],
): Promise<void> {
  const policies = await deps.policies.at(undefined)
  for (let from = 0; from < records.length; from += AT_A_TIME) {
    const some = records.slice(from, from + AT_A_TIME)
    const withdrawIn = () =>
      deps.database.transaction(async (tx) => {
        await deps.keys.ensureFresh()
        const at = deps.now()
        const events: AuditEvent[] = []
        await holdRecords(
          tx,
          some.map(({ token }) => token),
        )
        for (const { token, site, consents, event } of some) {
          const found = await lockRecord(tx, site, token)
          if (found === undefined || found === 'erased') continue
          const request = { customer: '', give: [], withdraw: consents }
          const { record, withdrawn } = await changeRecord(deps, tx, { record: found, request, policies, at })
          if (withdrawn.length === 0) continue
          events.push(
            deps.newAuditEvent({
              type: 'consent.withdraw',
              outcome: 'success',
              caller: operator,
              site,
              token,
              kind: record.kind,
              fields: withdrawn,
              policy_version: record.policyVersion,
              record_version: record.version,
              replay_of: event,
            }),
          )
        }
        await insertEvents(tx, events)
      })
    await storeUnderKeys(deps.keys, withdrawIn)
  }
}
