import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { AlertCode } from './alert.ts'
import type { TaskName } from './background.ts'

/** Prometheus's text form of all metrics. */
export type MetricsText = () => Promise<{ contentType: string; body: string }>

export interface Metrics {
  /** In a worker: answers the first process's questions for its metrics. */
  shareWithFirstProcess(): void
  observe(request: { method: string; route: string; status: number; seconds: number; code: string | undefined }): void
  framingError(code: string): void
  /** Shows how far rotations are, as `read` finds it when the metrics are asked for. */
  showRotations(read: () => Promise<readonly RotationFigures[]>): void
  /** Shows what people have to do for shoppers, as `read` finds it when the metrics are asked for. */
  showDuties(read: () => Promise<readonly DutyFigure[]>): void
  alert(code: AlertCode): void
  backgroundFailure(task: TaskName): void
  /** A browser has refused something on a page of the vault; `directive` is one of a closed list. */
  cspReport(directive: string): void
  /** What is left to the active key of a purpose. */
  observeKey(key: { purpose: string; expiresInSeconds: number; uses: number }): void
  /** How long the oldest event has waited for its place in the audit log. */
  observeAuditWaiting(seconds: number): void
  /** What should be gone: how many records are past their time, and how many ordered erasures are not done. */
  observeRetention(found: { overdue: number; unfinished: number; held: number }): void
  /** How many lines of the ledger of erasures have not arrived outside. */
  observeUnshipped(lines: number): void
  text: MetricsText
}

/** How many values a rotation has moved, and how many are left. */
interface RotationFigures {
  purpose: string
  moved: number
  remaining: number
}

/** How much there is to do of one sort. */
interface DutyFigure {
  duty: string
  count: number
}

/** Counts by route pattern, method, status and problem code; no label ever holds a value of a request. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const duration = new Histogram({
    name: 'strongroom_request_duration_seconds',
    help: 'Time from the first header to the answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  })
  const problems = new Counter({
    name: 'strongroom_problems_total',
    help: 'Answers that were problems, by code',
    labelNames: ['code'],
    registers: [registry],
  })
  const alerts = new Counter({
    name: 'strongroom_alerts_total',
    help: 'Alerts in the log, by code',
    labelNames: ['alert'],
    registers: [registry],
  })
  const backgroundFailures = new Counter({
    name: 'strongroom_background_failures_total',
    help: 'Failures of what the server does by itself, by task',
    labelNames: ['task'],
    registers: [registry],
  })
  const cspReports = new Counter({
    name: 'strongroom_csp_reports_total',
    help: 'Reports of browsers that a page of the vault tried what its policy forbids, by directive',
    labelNames: ['directive'],
    registers: [registry],
  })
  // Several processes say the same of the same keys: their values are not to be added up.
  const keyExpires = new Gauge({
    name: 'strongroom_key_expires_seconds',
    help: 'Seconds until the active key of a purpose protects nothing more; negative when it has expired',
    labelNames: ['purpose'],
    aggregator: 'min',
    registers: [registry],
  })
  const keyUses = new Gauge({
    name: 'strongroom_key_uses',
    help: 'How often the active key of a purpose protected something',
    labelNames: ['purpose'],
    aggregator: 'max',
    registers: [registry],
  })
  const auditWaiting = new Gauge({
    name: 'strongroom_audit_waiting_seconds',
    help: 'How long the oldest committed event has waited for its place in the audit log',
    aggregator: 'max',
    registers: [registry],
  })
  const retention = new Gauge({
    name: 'strongroom_retention_records',
    help: 'Records past their time by more than a day, ordered erasures that are not done, and records that only a hold keeps',
    labelNames: ['state'],
    aggregator: 'max',
    registers: [registry],
  })
  const unshipped = new Gauge({
    name: 'strongroom_erasures_unshipped',
    help: 'Lines of the ledger of erasures that have not arrived at a target outside',
    aggregator: 'max',
    registers: [registry],
  })
  const readDuties: (() => Promise<readonly DutyFigure[]>)[] = []
  return {
    shareWithFirstProcess() {
      AggregatorRegistry.setRegistries(registry)
      // Constructed for its effect: it listens for the questions.
      new AggregatorRegistry()
    },
    observe({ method, route, status, seconds, code }) {
      duration.observe({ method: KNOWN_METHODS.has(method) ? method : 'OTHER', route, status }, seconds)
      if (code !== undefined) problems.inc({ code })
    },
    framingError: (code) => problems.inc({ code }),
    alert: (alert) => alerts.inc({ alert }),
    backgroundFailure: (task) => backgroundFailures.inc({ task }),
    cspReport: (directive) => cspReports.inc({ directive }),
    observeKey({ purpose, expiresInSeconds, uses }) {
      keyExpires.set({ purpose }, expiresInSeconds)
      keyUses.set({ purpose }, uses)
    },
    observeAuditWaiting: (seconds) => auditWaiting.set(seconds),
    observeRetention({ overdue, unfinished, held }) {
      retention.set({ state: 'overdue' }, overdue)
      retention.set({ state: 'unfinished' }, unfinished)
      retention.set({ state: 'held' }, held)
    },
    observeUnshipped: (lines) => unshipped.set(lines),
    showRotations(read) {
      new Gauge({
        name: 'strongroom_rotation_values',
        help: 'Values that the latest rotation of the keys of a purpose has moved, and those that remain',
        labelNames: ['purpose', 'state'],
        registers: [registry],
        // Every process reads the same rows.
        aggregator: 'first',
        async collect() {
          const rotations = await read().catch(() => [])
          this.reset()
          for (const { purpose, moved, remaining } of rotations) {
            this.set({ purpose, state: 'moved' }, moved)
            this.set({ purpose, state: 'remaining' }, remaining)
          }
        },
      })
    },
    showDuties(read) {
      if (readDuties.push(read) > 1) return
      new Gauge({
        name: 'strongroom_privacy_duties',
        help: 'What waits to be done for shoppers, by duty',
        labelNames: ['duty'],
        registers: [registry],
        // Every process reads the same rows.
        aggregator: 'first',
        async collect() {
          const figures = await Promise.all(readDuties.map((one) => one().catch(() => [])))
          this.reset()
          for (const { duty, count } of figures.flat()) this.set({ duty }, count)
        },
      })
    },
    text: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  }
}

/** Anything else is counted and logged as OTHER: a method is input too. */
export const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'])

/** In the first process of several: the metrics of all workers, added up. */
export function createClusterMetricsText(): MetricsText {
  const aggregate = new AggregatorRegistry()
  return async () => ({ contentType: aggregate.contentType, body: await aggregate.clusterMetrics() })
}
