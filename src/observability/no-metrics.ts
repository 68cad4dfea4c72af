import type { Metrics } from './metrics.ts'

/** The metrics of a command, which nothing reads. */
export const NO_METRICS: Metrics = {
  shareWithFirstProcess: () => {},
  observe: () => {},
  framingError: () => {},
  showRotations: () => {},
  showDuties: () => {},
  alert: () => {},
  backgroundFailure: () => {},
  cspReport: () => {},
  observeKey: () => {},
  observeAuditWaiting: () => {},
  observeRetention: () => {},
  observeUnshipped: () => {},
  text: async () => ({ contentType: 'text/plain', body: '' }),
}
