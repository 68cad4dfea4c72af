import type { DestinationSet } from '../../destinations/destination-set.ts'
import type { Receiver } from '../../destinations/receiver.ts'
import type { MessageKey } from '../../keys/message-key.ts'
import { ALERTS, type AlertCode, type AlertFacts } from '../../observability/alert.ts'
import type { NewId } from '../../values/identifier.ts'
import { Problem } from '../../values/problem.ts'
import { NOTICE_PAUSES } from './notice.ts'
import { NotTaken, type Post } from './post.ts'
import { signNotice } from './sign-notice.ts'

/** More alerts at once say nothing that the first ones do not. */
const MOST_WAITING = 1_000
const TAG = 'strongroom-alert'

export interface SendAlertsDeps {
  now: () => Date
  newId: NewId
  messageKey: () => Promise<MessageKey>
  /** The receiver is in it. @throws {Problem} sealed, busy, database-unavailable */
  inForce: () => Promise<DestinationSet>
  post: Post
}

interface WaitingAlert {
  body: Buffer
  attempts: number
  dueAt: number
}

/**
 * Sends the alerts of this process to a receiver, in the way of notices. They wait in memory: an alert is raised where the database
 * may be the fault. What a process that ends has not sent is in its log.
 */
export interface AlertSender {
  add(code: AlertCode, facts: AlertFacts): void
  /** Sends what is due. */
  send(): Promise<void>
}

export function createAlertSender({ now, newId, messageKey, inForce, post }: SendAlertsDeps): AlertSender {
  let waiting: WaitingAlert[] = []
  let verifiedLast: DestinationSet | undefined

  /** The set in force. While it cannot be asked for, the one that was verified last: an alert may be about that. */
  async function ask(): Promise<DestinationSet | undefined> {
    try {
      verifiedLast = await inForce()
    } catch (error) {
      if (!(error instanceof Problem)) throw error
    }
    return verifiedLast
  }

  async function isTaken(alert: WaitingAlert, receiver: Receiver): Promise<boolean> {
    const headers = signNotice(await messageKey(), receiver, alert.body, { now: now(), tag: TAG })
    try {
      await post('alerts', receiver, { headers, body: alert.body })
      return true
    } catch (error) {
      if (!(error instanceof NotTaken)) throw error
      alert.dueAt = now().getTime() + Math.min(NOTICE_PAUSES.longestMs, NOTICE_PAUSES.firstMs * 2 ** alert.attempts++)
      return false
    }
  }

  return {
    add(code, facts) {
      if (waiting.length >= MOST_WAITING) return
      const at = now()
      const alert = { format: 1, id: newId('alert', at), type: 'alert', alert: code, meaning: ALERTS[code], facts, at }
      waiting.push({ body: Buffer.from(JSON.stringify(alert), 'utf8'), attempts: 0, dueAt: at.getTime() })
    },
    async send() {
      // In each run, so that the receiver is known when the database fails.
      const set = await ask()
      // What was changed outside the vault names no receiver, and drops no alert either.
      if (set === undefined || set.distrusted) return
      const receiver = set.receivers?.alerts
      if (receiver === undefined) waiting = []
      else await sendDue(receiver)
    },
  }

  async function sendDue(receiver: Receiver): Promise<void> {
    for (const alert of waiting.filter(({ dueAt }) => dueAt <= now().getTime())) {
      // One after the other: a receiver that is down is asked once for each.
      if (await isTaken(alert, receiver)) waiting = waiting.filter((one) => one !== alert)
    }
  }
}
