/** What can be wrong with a log; none is ever renamed. */
const findingCodes = [
  'edited',
  'columns-differ',
  'not-canonical',
  'removed',
  'inserted',
  'reordered',
  'cut-tail',
  'unsigned',
  'forked',
  'other-log',
  'unknown-key',
  'malformed-checkpoint',
  'malformed-receipt',
  'time-runs-back',
  'incomplete-history',
  'missing',
] as const

export type FindingCode = (typeof findingCodes)[number]

/** One thing that is wrong, in plain words, and where. */
export interface LogFinding {
  code: FindingCode
  detail: string
  /** The number of the leaf. */
  sequence?: number | undefined
  event?: string | undefined
  token?: string | undefined
}

export interface Findings {
  add(finding: LogFinding): void
  /** In the order in which they were found. Very frequent ones are cut: the first ones, and how many more there are. */
  list(): LogFinding[]
  readonly count: number
}

const MOST_OF_A_KIND = 100

export function collectFindings(): Findings {
  const found: LogFinding[] = []
  const counts = new Map<FindingCode, number>()
  let count = 0
  return {
    add(finding) {
      const before = counts.get(finding.code) ?? 0
      counts.set(finding.code, before + 1)
      count += 1
      if (before < MOST_OF_A_KIND) found.push(finding)
    },
    list() {
      const more = [...counts].filter(([, times]) => times > MOST_OF_A_KIND)
      return [
        ...found,
        ...more.map(([code, times]) => ({ code, detail: `and ${times - MOST_OF_A_KIND} more of this kind` })),
      ]
    },
    get count() {
      return count
    },
  }
}

/** `leaf 7`, or `leaves 7 to 9`; `to` is the last one. */
export function leaves(from: number, to: number): string {
  return from === to ? `leaf ${from}` : `leaves ${from} to ${to}`
}
