import type { Database } from '../../database/database.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import type { Sealed } from '../../keys/sealing/seal-context.ts'
import { giveWay } from '../../values/time-slice.ts'
import { keptPartContext, type RecordPart } from '../record/record.ts'
import { openOrReport, type PageFindings } from './open-or-report.ts'
import type { Walk } from './record-finding.ts'
import { selectVersionsToCheck, type VersionToCheck } from './verification-store.ts'

const PAGE_ROWS = 500

/** The versions that were replaced: both parts open in their row, and each is older than a record that is there. */
export function createVersionsWalk({ database, keys }: { database: Database; keys: Keys }): Walk {
  return {
    table: 'record_versions',
    async check(after = []) {
      const rows = await selectVersionsToCheck(database, after, PAGE_ROWS)
      const page: PageFindings = { findings: [], unbound: 0 }
      for (const row of rows) {
        await giveWay()
        await checkVersion(keys, page, row)
      }
      const last = rows.at(-1)
      const next = last === undefined || rows.length < PAGE_ROWS ? undefined : [last.token, last.version]
      return { ...page, rows: rows.length, next }
    },
  }
}

async function checkVersion(keys: Keys, page: PageFindings, row: VersionToCheck): Promise<void> {
  const { token, version, current } = row
  const parts: Record<RecordPart, Sealed> = {
    display: { keyId: row.display_key_id, bytes: row.display_sealed },
    secret: { keyId: row.secret_key_id, bytes: row.secret_sealed },
  }
  for (const part of ['display', 'secret'] as const) {
    const context = keptPartContext(row, part, row.replaced_at)
    const name = { token, value: `the ${part} part of version ${version}` }
    const plaintext = await openOrReport(keys, page, parts[part], context, name)
    plaintext?.fill(0)
  }
  if (current === null) {
    page.findings.push({ code: 'version-stray', token, detail: `version ${version} is kept of a record that is gone` })
  } else if (version >= current) {
    const detail = `version ${version} is kept of a record that is at version ${current}`
    page.findings.push({ code: 'version-stray', token, detail })
  }
}
