import { parseArgs } from 'node:util'
import type { Elsewhere } from './elsewhere.ts'

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
  /** How many records the keys are rotated of. */
  rotation: number
  /** How many events the pages of the audit log are read from; 0 for not at all. */
  auditEvents: number
  write: boolean
  /** Loads this server instead of starting any. */
  elsewhere: Elsewhere | undefined
  /** Everything is stopped and removed after so long, whatever hangs. */
  deadlineSeconds: number
}

export const usage = `npm run bench -- [flags]
  --quick        1 round of 2 s, to see that everything works
  --only a,b     only these figures (names as in the first column of the table)
  --soak         also 5 minutes of load, for the memory figure
  --million      also 1,000,000 against 10,000 stored records
  --fairness     also one caller's masked reads while another floods the vault, 3 times 30 s each
  --rotation N   rotate the keys of N records instead of 30,000; the bars are for 400,000
  --audit N      also pages of the audit log, with every filter, at N events; the bars are for 1,000,000
  --url URL      load the server at that address instead: it starts nothing, and what it stores there stays
  --ca FILE      the certificate of that server's authority, PEM
  --callers FILE its clients, as in sample-callers.json: [{ "client_id", "client_secret", "scope" }]
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
      rotation: { type: 'string', default: '' },
      audit: { type: 'string', default: '0' },
      url: { type: 'string' },
      ca: { type: 'string' },
      callers: { type: 'string' },
    },
  })
  const { quick, soak, million, fairness, write } = values
  const { url, ca: caFile, callers: callersFile } = values
  if (url !== undefined && (caFile === undefined || callersFile === undefined)) {
    throw new TypeError('--url needs --ca and --callers')
  }
  const rotation = Number(values.rotation || (quick ? 5_000 : 30_000))
  const auditEvents = Number(values.audit)
  return {
    rounds: quick ? 1 : 3,
    seconds: quick ? 2 : 3,
    warmupSeconds: quick ? 0.5 : 1,
    quick,
    only: values.only.split(',').filter((name) => name !== ''),
    soak,
    million,
    fairness,
    rotation,
    auditEvents,
    write,
    elsewhere: url && caFile && callersFile ? { url, caFile, callersFile } : undefined,
    deadlineSeconds:
      (quick ? 600 : 900) +
      (soak ? 420 : 0) +
      (million ? 900 : 0) +
      (fairness ? 420 : 0) +
      (write ? 300 : 0) +
      rotation / 200 +
      auditEvents / 1000,
  }
}
