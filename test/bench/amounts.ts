import type { Ratio } from './ratios.ts'

/** What is measured as it is, and not compared with another figure of the run. */
export interface Amount {
  name: string
  title: string
  unit: 'bytes' | 'ms' | 'seconds' | 'values/s' | 'share' | 'times'
  /** `undefined` shows the amount without judging it. */
  target?: Ratio['target']
}

/** By the names of the amounts. */
export type Amounts = ReadonlyMap<string, number>
