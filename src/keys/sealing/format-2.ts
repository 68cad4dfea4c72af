import { committedGcm } from './committed-gcm.ts'

/**
 * Format 2 is bound to its place and to a digest of what else its row says (`row-facts.ts`), so that it does not open once the
 * row says something else.
 */
export const format2 = committedGcm({ byte: 2, bindsRow: true })
