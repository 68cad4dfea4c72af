import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { inFrame } from './syslog-message.ts'

/**
 * Where messages go: over TCP (RFC 6587) or TLS (RFC 5425). UDP (RFC 5426) is not supported, because it loses messages
 * without notice.
 */
export interface SyslogReceiver {
  protocol: 'tcp' | 'tls'
  host: string
  port: number
  /** Over TLS: the authority of the receiver's certificate, and the certificate that the vault shows. */
  tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key'> | undefined
}

/** RFC 5425, section 4.1. TCP has no default. */
const DEFAULT_PORT = { tls: 6514, tcp: undefined } as const

/** `tls://host` or `tcp://host:port`; undefined for any other text. */
export function parseReceiver(text: string): Omit<SyslogReceiver, 'tls'> | undefined {
  const url = URL.parse(text)
  const protocol = url?.protocol.slice(0, -1) as SyslogReceiver['protocol']
  if (url === null || !Object.hasOwn(DEFAULT_PORT, protocol) || url.hostname === '') return undefined
  const { hostname, username, password, pathname, search, hash } = url
  const port = url.port === '' ? DEFAULT_PORT[protocol] : Number(url.port)
  if (port === undefined || username + password + search + hash !== '' || !['', '/'].includes(pathname))
    return undefined
  return { protocol, host: hostname.replace(/^\[(.*)\]$/, '$1'), port }
}

export interface Patience {
  /** How often a delivery is tried. */
  attempts: number
  firstPauseMs: number
  maxPauseMs: number
  /** How long the receiver may take to close its side. */
  answerMs: number
}

/** How long a command without `--follow` waits. */
export const PATIENCE: Patience = { attempts: 6, firstPauseMs: 500, maxPauseMs: 30_000, answerMs: 10_000 }

/**
 * How long the connection stays open after the last byte. A receiver that refuses the vault's certificate, or that ends,
 * closes the connection in that time, so the batch does not count as received.
 */
const SETTLE_MS = 100

/**
 * Sends messages in their order, and repeats them until the receiver has them. Syslog has no acknowledgement, so every batch
 * has a connection of its own: a receiver that closes it in good order has read it to the end (RFC 5425, section 4.4). After
 * anything else the whole batch is sent again.
 *
 * @throws the last failure, when patience or the signal ends
 */
export async function sendToReceiver(
  receiver: SyslogReceiver,
  messages: readonly string[],
  options: { patience: Patience; signal: AbortSignal; onFailure: (error: Error) => void },
): Promise<void> {
  const { patience, signal, onFailure } = options
  for (let attempt = 1; messages.length > 0; attempt++) {
    try {
      return await sendOnce(receiver, messages, patience.answerMs)
    } catch (error) {
      if (attempt >= patience.attempts || signal.aborted) throw error
      onFailure(error as Error)
      const pauseMs = Math.min(patience.firstPauseMs * 2 ** (attempt - 1), patience.maxPauseMs)
      await wait(pauseMs, undefined, { signal }).catch(() => {
        throw error
      })
    }
  }
}

function sendOnce(receiver: SyslogReceiver, messages: readonly string[], answerMs: number): Promise<void> {
  const socket = open(receiver)
  return new Promise((resolve, reject) => {
    let settling: NodeJS.Timeout | undefined
    let isClosedInOrder = false
    socket.setTimeout(answerMs, () => socket.destroy(new Error('the receiver does not answer')))
    socket.on('error', reject)
    socket.on('end', () => {
      isClosedInOrder = socket.writableFinished
    })
    socket.on('close', () => {
      clearTimeout(settling)
      if (isClosedInOrder) resolve()
      else reject(new Error('the receiver closed the connection by itself'))
    })
    // No data is expected, but without a reader the end of the connection would not be noticed.
    socket.resume()
    socket.write(messages.map(inFrame).join(''), () => {
      settling = setTimeout(() => socket.end(), SETTLE_MS)
    })
  })
}

function open({ protocol, host, port, tls }: SyslogReceiver): Socket {
  return protocol === 'tls'
    ? connectTls({ ...tls, host, port, ...(isIP(host) ? {} : { servername: host }), minVersion: 'TLSv1.2' })
    : connectTcp({ host, port })
}
