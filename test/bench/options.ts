import { parseArgs } from 'node:util'

/** What `npm run bench` was asked to do. */
export interface BenchOptions {
  rounds: number
  seconds: number
  warmupSeconds: number
  quick: boolean
  /** Names of figures; all of them when empty. */
  only: readonly string[]
  soak: boolean
  million: boolean
  fairness: boolean
  write: boolean
  /** Everything is stopped and removed after so long, whatever hangs. */
  deadlineSeconds: number
}

export const usage = `npm run bench -- [flags]
  --quick        1 round of 2 s, to see that everything works
  --only a,b     only these figures (names as in the first column of the table)
  --soak         also 5 minutes of load, for the memory figure
  --million      also 1,000,000 against 10,000 stored records
  --fairness     also one caller's masked reads while another floods the vault, 3 times 30 s each
  --write        rewrite the last table in test/bench/README.md and test/bench/throughput.svg
`

/** @throws {TypeError} for a flag that does not exist */
export function parseOptions(args: readonly string[]): BenchOptions {
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: flag,
      soak: flag,
      million: flag,
      fairness: flag,
      write: flag,
      only: { type: 'string', default: '' },
    },
  })
  const { quick, soak, million, fairness, write } = values
  return {
    rounds: quick ? 1 : 3,
    seconds: quick ? 2 : 3,
    warmupSeconds: quick ? 0.5 : 1,
    quick,
    only: values.only.split(',').filter((name) => name !== ''),
    soak,
    million,
    fairness,
    write,
    deadlineSeconds: 600 + (soak ? 420 : 0) + (million ? 600 : 0) + (fairness ? 420 : 0) + (write ? 300 : 0),
  }
}
