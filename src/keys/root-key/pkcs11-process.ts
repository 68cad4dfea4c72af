/**
 * A program of its own: talks to a PKCS#11 token for the vault that forked it. A vendor's library blocks while it works,
 * and may hang or crash; here it takes nothing with it, and can be killed. The PIN comes over the channel: arguments and
 * the environment of a process can be read by others.
 */
import type { TokenAccess, TokenAnswer, TokenRequest, TokenSession } from './pkcs11-session.ts'

/** First how to get in, then requests; each is answered under its number. */
export type ToToken = { access: TokenAccess } | { number: number; request: TokenRequest }
export interface FromToken {
  number: number
  answer: TokenAnswer
}

// The terminal's signals reach this process too; the vault decides when it ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit(0))

let session: Promise<TokenSession> | undefined

process.on('message', async (message: ToToken) => {
  if ('access' in message) {
    session = openSession(message.access)
    return
  }
  const answer = (await session)?.handle(message.request)
  if (answer) process.send?.({ number: message.number, answer } satisfies FromToken)
})

/** A session that cannot be opened answers every request with the reason. */
async function openSession(access: TokenAccess): Promise<TokenSession> {
  const loaded = await import('./pkcs11-session.ts').catch(() => undefined)
  if (loaded === undefined) {
    const reason =
      'the optional package "pkcs11js" is not installed or not built for this Node.js: run "npm rebuild pkcs11js".'
    return { handle: () => ({ failed: 'config', reason }) }
  }
  try {
    return loaded.openTokenSession(access)
  } catch (error) {
    const answer = loaded.describeFailure(error)
    return { handle: () => answer }
  }
}
