import type { SendHandle } from 'node:child_process'
import type { Worker } from 'node:cluster'

/** What `node:cluster` sends with a connection; the worker acknowledges its number once it has taken the connection. */
interface Handed {
  message: { act: 'newconn'; seq: number }
  /** Not in the types of Node.js: the handle of the connection, with its own `close`. */
  handle: SendHandle & { close(): void }
}

/**
 * Gives the connection that a worker was handed and had not taken when it ended to another one, or closes it.
 * `node:cluster` hands a worker one connection at a time and forgets that one when the worker dies, so its caller would
 * wait until its own time-out.
 *
 * @param another a worker that listens; one that only starts would hand the connection back to a queue that is gone
 */
export function passOnConnection(worker: Worker, another: () => Worker | undefined): void {
  const channel = worker.process
  const send = channel.send.bind(channel) as (...sent: unknown[]) => boolean
  let handed: Handed | undefined
  channel.send = (...sent: unknown[]) => {
    const [message, handle] = sent
    if (isNewConnection(message)) handed = { message, handle: handle as Handed['handle'] }
    return send(...sent)
  }
  // Not in the types of Node.js: what its own modules send to each other.
  channel.on('internalMessage' as 'message', (message: object) => {
    if ('ack' in message && message.ack === handed?.message.seq) handed = undefined
  })
  worker.once('exit', () => {
    if (handed === undefined) return
    const next = another()
    if (next === undefined) handed.handle.close()
    else next.process.send(handed.message, handed.handle)
  })
}

function isNewConnection(message: unknown): message is Handed['message'] {
  return typeof message === 'object' && message !== null && 'act' in message && message.act === 'newconn'
}
