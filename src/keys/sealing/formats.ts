import { format1 } from './format-1.ts'
import { format2 } from './format-2.ts'
import { formatsByByte, type SealFormats } from './seal-format.ts'

/** Every format that a vault reads. A value with another first byte does not open. */
export const FORMATS: SealFormats = formatsByByte([format1, format2])
