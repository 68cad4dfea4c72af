import { committedGcm } from './committed-gcm.ts'

/** Format 1 is bound to its place. It is for values that have no row, and in records of earlier versions. */
export const format1 = committedGcm({ byte: 1, bindsRow: false })
