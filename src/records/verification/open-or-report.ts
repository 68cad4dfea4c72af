import type { Keys } from '../../keys/ring/keys.ts'
import { bindsRow } from '../../keys/sealing/seal.ts'
import type { SealContext, Sealed } from '../../keys/sealing/seal-context.ts'
import { Problem } from '../../values/problem.ts'
import type { CheckedPage, RecordFinding } from './record-finding.ts'

/** Collects what is found on one page. */
export type PageFindings = Pick<CheckedPage, 'findings' | 'unbound'>

/** What a value is called in a finding, and the record or event that it belongs to. */
export type ValueName = Pick<RecordFinding, 'token' | 'event'> & { value: string }

/**
 * Opens a value; what does not open, or names a key that is not there, is a finding. The plaintext is for the caller to wipe.
 *
 * @throws {Problem} sealed, database-unavailable
 */
export async function openOrReport(
  keys: Keys,
  page: PageFindings,
  sealed: Sealed,
  context: SealContext,
  { value, ...place }: ValueName,
): Promise<Buffer | undefined> {
  try {
    const plaintext = await keys.open(sealed, context)
    if (context.facts !== undefined && !bindsRow(sealed.bytes)) page.unbound += 1
    return plaintext
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'record-integrity') throw error
    page.findings.push(
      keys.ring.find(sealed.keyId) === undefined
        ? { code: 'key-missing', ...place, detail: `${value} is sealed under a key that does not exist` }
        : { code: 'not-opened', ...place, detail: `${value} does not open: it, its row or its place was changed` },
    )
    return undefined
  }
}

/** The value of a sealed JSON text; the bytes of it are wiped. */
export function readJson<T>(plaintext: Buffer | undefined): T | undefined {
  if (plaintext === undefined) return undefined
  const value = JSON.parse(plaintext.toString('utf8')) as T
  plaintext.fill(0)
  return value
}
