import type { Alert } from './alert.ts'
import { describeError } from './describe-error.ts'

/** Everything that a server does without a request, by the name in its alert, the log and the metrics. */
export const BACKGROUND_TASKS = {
  'destroy-index-keys': 'destroys index keys that a rotation emptied',
  'end-checkout-sessions': 'ends checkout sessions that have expired, and removes old ones',
  'finish-erasures': 'erases what was ordered and cut off, and lists earlier erasures in the ledger',
  'keep-mac-keys': 'replaces MAC keys in time',
  'report-event-numbers':
    'writes up to which number the events of this process are accounted for, so that missing last events are noticed',
  'close-event-keys': 'destroys replaced event keys when no event under them waits for the audit log',
  'keep-signing-keys': 'replaces and destroys the keys that sign tokens and messages in time',
  'prepare-audit-partitions': 'makes the partitions of the coming months',
  'settle-forwards':
    'says of requests to destinations whose server has ended that their outcome is unknown, and removes old ones',
  'read-key-registry': 'follows the registry of keys',
  'renew-certificates': 'loads new files of the server certificate',
  'report-key-uses': 'reports how often keys were used, and reserves further uses',
  'run-retention':
    'erases records whose time is over, if an operator has enabled it, and checks that no hold was removed',
  'run-rotations': 'runs the rotations that were started with `--detach`',
  'sequence-audit-log': 'puts committed events into the audit log and signs it',
  'ship-erasures': 'ships the ledger of erasures to files and other targets',
  'ship-checkpoints': 'ships checkpoints of the audit log to witnesses and other targets',
  'send-alerts': 'sends alerts to their receiver, where one is configured',
  'send-notices': 'sends partners the notices that are due',
  'sweep-notices': 'removes notices that were delivered long ago',
  'store-visits': 'stores the counts of visits, where visits are counted',
  'sweep-approvals': 'removes old approvals with their reasons',
  'sweep-budgets': 'removes expired counts of budgets',
  'sweep-idempotency-keys': 'removes stored answers that have expired',
  'sweep-rate-limits': 'removes expired counts of limits',
  'sweep-spent-ids': 'removes expired entries of the replay cache',
  'take-in-access':
    'adds to the access ledger what was revoked, ended or disabled without keys, and checks that no refusal was removed',
  'tend-security-codes':
    'publishes the public key to which other servers encrypt security codes, and removes codes that have expired',
  'watch-audit-log': 'measures how long events wait for their place in the audit log',
  'watch-database-schema': 'compares the schema of the database with the one that was shipped or accepted',
  'watch-audit-missing':
    'checks whether another server found a missing event, and whether an operator has resumed releases',
  'watch-keys': 'measures the age and uses of keys for alerts and metrics',
  'watch-log-end': 'checks that the end of the audit log is what was signed',
  'watch-outside-checkpoints': 'checks against checkpoints outside that the database is not older than what was signed',
  'write-refusal-counts': 'writes the audit event of refusals that were counted together',
} as const

export type TaskName = keyof typeof BACKGROUND_TASKS

/** The work of a task. A task that runs without an end calls `worked` once it works. */
type TaskWork = (worked: () => void) => Promise<unknown>

interface BackgroundTask {
  /** Does the work now. Never rejects: a failure is reported. */
  run(): Promise<void>
  /** Finishes what is running, and starts nothing more. */
  stop(): Promise<void>
}

/** The background work of one process. */
export interface Background {
  /** What was begun here, whether it runs at the moment or not. */
  readonly tasks: ReadonlyMap<TaskName, BackgroundTask>
  /** Repeats the work: `everyMs` after the last time has ended, the first time after `firstMs`. */
  every(name: TaskName, times: { everyMs: number; firstMs?: number }, work: TaskWork): BackgroundTask
  /** Reports a failure of a task that is run by something else. */
  failed(name: TaskName, error: unknown): void
  /** Reports that such a task has done its work. */
  worked(name: TaskName): void
  close(): Promise<void>
}

export interface BackgroundDeps {
  alert: Alert
  now: () => Date
  /** Writes a line of level error. */
  log: (facts: { task: TaskName; reason: string }, message: string) => void
  count: (task: TaskName) => void
}

const DAY_MS = 24 * 60 * 60 * 1000

/** How a task fails, from its first failure until it works again. */
interface Spell {
  alertedAt: number
  reason: string
}

/**
 * Runs tasks, each never twice at a time, and reports their failures: every one is counted, every reason is logged, and
 * an alert is raised when a task begins to fail and once a day while it still fails.
 */
export function createBackground(deps: BackgroundDeps): Background {
  const tasks = new Map<TaskName, BackgroundTask>()
  const spells = new Map<TaskName, Spell>()

  function failed(task: TaskName, error: unknown): void {
    const reason = describeError(error)
    const spell = spells.get(task)
    const at = deps.now().getTime()
    const isNews = spell === undefined || at - spell.alertedAt >= DAY_MS
    deps.count(task)
    if (isNews) deps.alert('background-task-failed', { task, reason })
    if (reason !== spell?.reason) deps.log({ task, reason }, 'background task failed')
    spells.set(task, { alertedAt: isNews ? at : spell.alertedAt, reason })
  }

  function worked(name: TaskName): void {
    spells.delete(name)
  }

  function every(
    name: TaskName,
    { everyMs, firstMs = everyMs }: { everyMs: number; firstMs?: number },
    work: TaskWork,
  ): BackgroundTask {
    let timer: NodeJS.Timeout | undefined
    let running: Promise<void> | undefined
    let isStopped = false

    function run(): Promise<void> {
      running ??= Promise.resolve()
        .then(() => work(() => worked(name)))
        .then(() => worked(name))
        .catch((error) => failed(name, error))
        .finally(() => {
          running = undefined
        })
      return running
    }
    function schedule(ms: number): void {
      if (isStopped) return
      timer = setTimeout(() => void run().then(() => schedule(everyMs)), ms).unref()
    }

    schedule(firstMs)
    const task = {
      run,
      async stop() {
        isStopped = true
        clearTimeout(timer)
        await running
      },
    }
    tasks.set(name, task)
    return task
  }

  return {
    tasks,
    every,
    failed,
    worked,
    async close() {
      await Promise.all([...tasks.values()].map((task) => task.stop()))
    },
  }
}
