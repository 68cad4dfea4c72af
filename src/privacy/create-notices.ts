import type { EventAuthenticity } from '../audit/log/event-authenticity.ts'
import type { Database } from '../database/database.ts'
import type { Destinations } from '../destinations/create-destinations.ts'
import type { MessageKey } from '../keys/message-key.ts'
import type { Alert } from '../observability/alert.ts'
import { type Job, sweepJob } from '../observability/jobs.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { AfterCorrection } from '../records/change/after-correction.ts'
import { once } from '../values/once.ts'
import type { ListedNotice } from './notices/notice-store.ts'
import type { Post } from './notices/post.ts'
import type { QueueNoticesDeps } from './notices/queue-notices.ts'

const SEND_EVERY_MS = 10_000
const ALERTS_EVERY_MS = 2_000
const DAY_MS = 24 * 60 * 60 * 1000
/** How long it can be looked up that a notice was delivered; its event stays as long as the log. */
const KEPT_DAYS = 90
const MOST_LISTED = 1_000

export interface CreateNoticesDeps extends QueueNoticesDeps {
  database: Database
  authenticity: EventAuthenticity
  metrics: Pick<Metrics, 'showDuties'>
  messageKey: () => Promise<MessageKey>
  destinations: Pick<Destinations, 'inForce'>
  post: Post
  /** Calls back for each alert. */
  onAlert: (listener: Alert) => void
  /** Whether this process serves callers: a command ends before it could send an alert. */
  serves: boolean
}

/** What partners are told. */
export interface Notices {
  afterCorrection: AfterCorrection
  commands: {
    /** The notices, the oldest first. @param onlyWaiting without those that were delivered */
    listNotices(onlyWaiting: boolean): Promise<ListedNotice[]>
    /** Sends what is due, now. */
    sendNotices(): Promise<void>
  }
  jobs: readonly Job[]
}

export function createNotices(deps: CreateNoticesDeps): Notices {
  const { database, now } = deps
  const { inForce } = deps.destinations
  const store = () => import('./notices/notice-store.ts')
  const queue = once(async () => (await import('./notices/queue-notices.ts')).createAfterCorrection(deps))
  const alerts = once(async () => (await import('./notices/send-alerts.ts')).createAlertSender({ ...deps, inForce }))
  if (deps.serves) deps.onAlert((code, facts) => void alerts().then((sender) => sender.add(code, facts)))
  const send = async () => {
    const { sendNotices } = await import('./notices/send-notices.ts')
    return sendNotices({ ...deps, inForce })
  }
  deps.metrics.showDuties(async () => {
    const { waiting, undelivered } = await (await store()).countNotices(database)
    return [
      { duty: 'notices-waiting', count: waiting },
      { duty: 'notices-undelivered', count: undelivered },
    ]
  })
  return {
    afterCorrection: async (tx, correction) => (await queue())(tx, correction),
    commands: {
      listNotices: async (onlyWaiting) => (await store()).selectNotices(database, onlyWaiting, MOST_LISTED),
      sendNotices: send,
    },
    jobs: [
      { name: 'send-notices', everyMs: SEND_EVERY_MS, firstMs: SEND_EVERY_MS, run: send },
      {
        name: 'send-alerts',
        everyMs: ALERTS_EVERY_MS,
        firstMs: ALERTS_EVERY_MS,
        run: async () => (await alerts()).send(),
      },
      sweepJob('sweep-notices', async () =>
        (await store()).sweepNotices(database, new Date(now().getTime() - KEPT_DAYS * DAY_MS)),
      ),
    ],
  }
}
