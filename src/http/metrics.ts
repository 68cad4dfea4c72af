import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Prometheus's text form of all metrics. */
export type MetricsText = () => Promise<{ contentType: string; body: string }>

export interface Metrics {
  /** In a worker: answers the first process's questions for its metrics. */
  shareWithFirstProcess(): void
  observe(request: { method: string; route: string; status: number; seconds: number; code: string | undefined }): void
  framingError(code: string): void
  /** Shows how far rotations are, as `read` finds it when the metrics are asked for. */
  showRotations(read: () => Promise<readonly RotationFigures[]>): void
  text: MetricsText
}

/** How many values a rotation has moved, and how many are left. */
export interface RotationFigures {
  purpose: string
  moved: number
  remaining: number
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
