import type { Outbound } from '../forward/outbound/outbound.ts'
import type { LookUp } from '../forward/outbound/resolve-name.ts'
import { NotTaken, type Post } from '../privacy/notices/post.ts'
import { once } from '../values/once.ts'

const CONNECT_MS = 5_000
const ANSWER_MS = 30_000
/** Of each receiver, from this process. */
const IN_FLIGHT = 4

/** Sends notices as requests to destinations are sent: to addresses that were looked at, over verified connections, once. */
export function createPost(options: { production: boolean; lookUp?: LookUp | undefined }): {
  post: Post
  close(): Promise<void>
} {
  let outbound: Promise<Outbound> | undefined
  const connections = once(async () => (await import('../forward/outbound/outbound.ts')).createOutbound(options))
  return {
    async post(name, { url, ca, private_addresses: privateAddresses }, { headers, body }) {
      outbound = connections()
      const { origin, pathname: path } = new URL(url)
      const target = { name, origin, connectMs: CONNECT_MS, answerMs: ANSWER_MS, inFlight: IN_FLIGHT, privateAddresses }
      const { hold } = await outbound
      const status = await hold(target, async (send) => {
        const { answer } = await send({ method: 'POST', path, headers, body }, { ca })
        return answer.status
      }).catch((error: unknown) => {
        throw new NotTaken(sentenceOf(error), { cause: error })
      })
      if (status < 200 || status > 299) throw new NotTaken(`the receiver answered ${status}`)
    },
    close: async () => (await outbound)?.close(),
  }
}

/** The words of the vault's own errors. What a library says may hold what came back. */
function sentenceOf(error: unknown): string {
  return error instanceof Error && ['NoAnswer', 'NotConnected'].includes(error.name)
    ? error.message
    : 'the receiver cannot be reached'
}
