/**
 * A program of its own: talks to a PKCS#11 token for the vault that forked it. A vendor's library blocks while it works,
 * and may hang or crash; here it takes nothing with it, and can be killed. The PIN comes over the channel: arguments and
 * the environment of a process can be read by others.
 */
import {
  openTokenSession,
  type TokenAccess,
  type TokenAnswer,
  type TokenRequest,
  type TokenSession,
} from './pkcs11-session.ts'
import { describeFailure } from './token/token-failure.ts'

/** The first message says how to log in. Then come requests, and each is answered under its number. */
export type ToToken = { access: TokenAccess } | { number: number; request: TokenRequest }
export interface FromToken {
  number: number
  answer: TokenAnswer
}

// The terminal's signals reach this process too; the vault decides when it ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit(0))

let session: TokenSession | undefined

process.on('message', (message: ToToken) => {
  if ('access' in message) {
    session = openSession(message.access)
    return
  }
  const answer = session?.handle(message.request)
  if (answer) process.send?.({ number: message.number, answer } satisfies FromToken)
})

/** A session that cannot be opened answers every request with the reason. */
function openSession(access: TokenAccess): TokenSession {
  try {
    return openTokenSession(access)
  } catch (error) {
    const answer = describeFailure(error)
    return { handle: () => answer }
  }
}
