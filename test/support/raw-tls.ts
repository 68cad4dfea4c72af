import { connect, type TLSSocket } from 'node:tls'

/** An answer as a client sees it; supertest's fits too. */
export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
}

export interface Exchange {
  answers: Answer[]
  /** How long the server kept the connection. */
  milliseconds: number
}

/** Where to connect to: a vault in this process, which checks its problems afterwards, or in another. */
export interface RawTarget {
  readonly port: number
  readonly problems?: string[]
}

export interface RawOptions {
  /** SNI; none is sent for an empty one. */
  servername?: string
  timeoutMs?: number
  /** Resolves with the first answer instead of waiting until the server closes. */
  keepOpen?: boolean
  /** Likewise, with so many. */
  answers?: number
}

/** The bytes of a request: its lines, the empty line, the body. Nothing is added or corrected. */
export function rawRequest(lines: readonly string[], body = ''): string {
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/**
 * Sends bytes over TLS as they are, and collects the answers until the server closes the connection.
 *
 * @param write the bytes, or what writes them in its own time
 */
export async function exchange(
  vault: RawTarget,
  write: string | Buffer | ((socket: TLSSocket) => void),
  options: RawOptions = {},
): Promise<Exchange> {
  const { servername = 'localhost', timeoutMs = 10_000, keepOpen = false } = options
  const enough = options.answers ?? (keepOpen ? 1 : Number.POSITIVE_INFINITY)
  const startedAt = performance.now()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // Some attacks are about the certificate of the wrong name; here only the bytes matter.
  const socket = connect({ host: '127.0.0.1', port: vault.port, servername, rejectUnauthorized: false })
  const answers: Answer[] = []
  let received = Buffer.alloc(0)
  const timer = setTimeout(() => reject(new Error(`still open after ${timeoutMs} ms`)), timeoutMs)
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    if (enough === Number.POSITIVE_INFINITY) return
    received = takeAnswers(received, answers)
    if (answers.length >= enough) resolve()
  })
  // A reset is a way to close, too: the server has said what it had to say, or it had nothing to say.
  socket.on('error', () => {})
  socket.on('close', () => resolve())
  socket.once('secureConnect', () => {
    if (typeof write === 'function') write(socket)
    else socket.write(typeof write === 'string' ? Buffer.from(write, 'latin1') : write)
  })
  try {
    await promise
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
  takeAnswers(received, answers)
  for (const answer of answers) if (answer.status >= 400) vault.problems?.push(answer.text)
  return { answers, milliseconds: performance.now() - startedAt }
}

/** The one answer to the bytes; more than one, or none, is an error. */
export async function exchangeOnce(...parameters: Parameters<typeof exchange>): Promise<Answer> {
  const { answers } = await exchange(...parameters)
  const [answer] = answers
  if (answer === undefined || answers.length > 1) throw new Error(`expected one answer, got ${answers.length}`)
  return answer
}

/** Adds what is whole to the answers, and gives what is left. */
function takeAnswers(bytes: Buffer, answers: Answer[]): Buffer<ArrayBuffer> {
  let at = 0
  while (at < bytes.length) {
    const end = bytes.indexOf('\r\n\r\n', at)
    if (end < 0) break
    const [statusLine = '', ...lines] = bytes.subarray(at, end).toString('latin1').split('\r\n')
    const headers: Record<string, string> = {}
    for (const line of lines) {
      const colon = line.indexOf(':')
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
    }
    const start = end + 4
    // The vault's own answers always say how long they are; of any other the rest is shown, whatever it is.
    const rest = headers['transfer-encoding'] === undefined ? 0 : bytes.length - start
    const length = Number(headers['content-length'] ?? rest)
    if (start + length > bytes.length) break
    const text = bytes.subarray(start, start + length).toString('utf8')
    answers.push({ status: Number(statusLine.split(' ')[1]), headers, text })
    at = start + length
  }
  return Buffer.from(bytes.subarray(at))
}
