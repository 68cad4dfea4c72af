import { ALERTS, type AlertCode } from '../../../src/observability/alert.ts'
import { BACKGROUND_TASKS, type TaskName } from '../../../src/observability/background.ts'
import { createMetrics } from '../../../src/observability/metrics.ts'
import { ALERT_REMEDIES } from './alert-remedies.ts'
import { page, paragraph, sentence, table } from './markdown.ts'

const CORE = 'every 2 seconds'
const SWEEP = 'a minute after the start, then every 10 minutes'

/** How often a server does each background task. */
const TASK_TIMES: Readonly<Record<TaskName, string>> = {
  'destroy-index-keys': SWEEP,
  'end-checkout-sessions': 'every minute',
  'finish-erasures': 'every minute',
  'settle-forwards': 'every 10 seconds',
  'keep-mac-keys': CORE,
  'report-event-numbers': 'every 2 seconds',
  'close-event-keys': CORE,
  'keep-signing-keys': CORE,
  'prepare-audit-partitions': 'every 10 minutes, and three times in a row when a partition cannot be made',
  'read-key-registry': 'every 0.5 seconds',
  'renew-certificates': 'when the files change',
  'report-key-uses': 'every 5 seconds',
  'run-retention': 'every hour, on one server at a time',
  'run-rotations': CORE,
  'sequence-audit-log': 'always',
  'send-alerts': 'every 2 seconds',
  'send-notices': 'every 10 seconds',
  'sweep-notices': SWEEP,
  'ship-checkpoints': 'every 0.5 seconds',
  'store-visits': 'every minute',
  'ship-erasures': 'every 2 seconds; a file gets each line before its record is removed',
  'sweep-approvals': SWEEP,
  'sweep-budgets': SWEEP,
  'sweep-idempotency-keys': SWEEP,
  'sweep-rate-limits': SWEEP,
  'sweep-spent-ids': SWEEP,
  'take-in-access': CORE,
  'tend-security-codes': 'every 20 seconds',
  'watch-audit-log': 'every 5 seconds',
  'watch-database-schema': 'every minute; while service is refused at each request, at most once a second',
  'watch-audit-missing': 'every second',
  'watch-keys': CORE,
  'watch-log-end': 'every 4 seconds, in every process that serves',
  'watch-outside-checkpoints':
    'every 2 seconds; shipped files each minute; witnesses at the start and every 5 minutes; all of it after a lost connection',
  'write-refusal-counts': 'every minute',
}

/** The metrics of the vault's own, as the operator listener shows them. */
async function metricRows(): Promise<string[][]> {
  const metrics = createMetrics()
  metrics.observe({ method: 'GET', route: '/', status: 500, seconds: 1, code: 'internal' })
  metrics.alert('clock-differs')
  metrics.backgroundFailure('run-rotations')
  metrics.observeKey({ purpose: 'secret', expiresInSeconds: 1, uses: 1 })
  metrics.observeAuditWaiting(1)
  metrics.observeRetention({ overdue: 1, unfinished: 1, held: 1 })
  metrics.observeUnshipped(1)
  metrics.showRotations(async () => [{ purpose: 'secret', moved: 1, remaining: 1 }])
  metrics.showDuties(async () => [{ duty: 'requests-overdue', count: 1 }])
  const { body } = await metrics.text()
  return [...body.matchAll(/^# HELP (strongroom_\w+) (.*)\n# TYPE \S+ (\w+)/gm)].map(([, name, help, type]) => {
    const samples = [...body.matchAll(new RegExp(`^${name}(?:_bucket)?\\{([^}]*)\\}`, 'gm'))]
    const labels = new Set(samples.flatMap(([, text]) => [...text!.matchAll(/(\w+)="/g)].map(([, label]) => label!)))
    labels.delete('le')
    return [`\`${name}\``, type!, [...labels].map((label) => `\`${label}\``).join(', '), sentence(help!)]
  })
}

/** Alerts, metrics and background tasks, from `src/observability/alert.ts`, `src/observability/metrics.ts` and `src/observability/background.ts`. */
export async function alertsPage(): Promise<string> {
  const alerts = (Object.keys(ALERTS) as AlertCode[]).map((code) => [
    `\`${code}\``,
    sentence(ALERTS[code]),
    sentence(ALERT_REMEDIES[code]),
  ])
  const tasks = (Object.keys(BACKGROUND_TASKS) as TaskName[])
    .sort()
    .map((name) => [`\`${name}\``, sentence(BACKGROUND_TASKS[name]), sentence(TASK_TIMES[name])])
  return page('Alerts, metrics and background tasks', [
    '## Alerts',
    paragraph(`An alert is a line of the log of level \`error\` with the member \`alert\`, and adds one to
      \`strongroom_alerts_total\`. It holds ids, codes and counts, and no value of a record. A code is never renamed or
      reused. Commands below are those of the [command line](cli.md).`),
    table(['Alert', 'Meaning', 'What to do'], alerts),
    '## Metrics',
    paragraph(`\`GET https://127.0.0.1:9443/metrics\` shows metrics in the text format of Prometheus. Where
      \`STRONGROOM_OPERATOR_TOKEN_FILE\` is set, the request needs \`Authorization: Bearer <token>\`; \`/healthz\` and
      \`/readyz\` of the same listener need none. The listener is on loopback only. No label holds a value of a request.`),
    `\`\`\`sh\ncurl -sS --cacert "$CA" "https://localhost:\${STRONGROOM_OPERATOR_PORT:-9443}/metrics" | grep "^# HELP strongroom"\n\`\`\``,
    table(['Metric', 'Type', 'Labels', 'Meaning'], await metricRows()),
    paragraph(`The default metrics of Node.js (\`process_…\`, \`nodejs_…\`) are there as well. With several worker processes
      counters are added up; gauges of keys show the smallest or largest value of all processes.`),
    '## Background tasks',
    paragraph(`A background task is work that a server does without being asked. When a task fails, the alert
      \`background-task-failed\` names it in \`task\`, once and then once a day until the task works again.
      \`strongroom_background_failures_total{task="…"}\` counts every failure. The log has a line for each reason. The task
      keeps trying.`),
    table(['Task', 'What it does', 'How often'], tasks),
  ])
}
