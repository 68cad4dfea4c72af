import { Problem } from '../../values/problem.ts'
import type { PrivacyRequest } from './privacy-request.ts'

/** The clocks of the shop and of the vault may differ by so much. */
const TOLERANCE_MS = 60_000

/** What has not happened yet proves nothing. @throws {Problem} invalid-input */
export function requirePast(identity: PrivacyRequest['identity'], now: Date): void {
  if (identity === undefined || Date.parse(identity.at) <= now.getTime() + TOLERANCE_MS) return
  throw new Problem('invalid-input', { errors: [{ pointer: '#/identity/at', detail: 'is in the future' }] })
}
