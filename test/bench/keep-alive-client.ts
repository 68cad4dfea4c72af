import { connect, type TLSSocket } from 'node:tls'

export interface LoadTarget {
  /** Scheme, host and port. */
  url: string
  /** The authority's certificate, PEM. */
  ca: string
  connections: number
}

/** What came back while it was recorded. */
export interface Answers {
  /** In milliseconds, unsorted. */
  latencies: Float64Array
  /** How many answers had each status; a connection that failed counts as `error`. */
  statuses: Record<string, number>
}

/**
 * A closed loop over keep-alive TLS connections: each sends its next request when the answer to the last one is
 * complete. It does no more than a load must (one prepared buffer out, the status and the length read from the answer),
 * since on a small machine every microsecond of it is taken from the server.
 */
export class KeepAliveClient {
  readonly #next: () => Buffer
  readonly #sockets: TLSSocket[] = []
  #latencies = new Float64Array(1 << 16)
  #count = 0
  #statuses: Record<string, number> = {}
  #stopped = false
  #limit = Number.POSITIVE_INFINITY
  #sent = 0
  #firstBody: Buffer[] | undefined = []
  #onIdle: (() => void) | undefined
  #busy = 0

  /** @param next the request to send, in turn over all connections */
  constructor(next: () => Buffer) {
    this.#next = next
  }

  async connect(target: LoadTarget): Promise<void> {
    const { hostname, port } = new URL(target.url)
    // Our own servers listen on IPv4, and have a certificate for the name.
    const host = hostname === 'localhost' ? '127.0.0.1' : hostname
    const options = { host, port: Number(port || 443), servername: hostname, ca: target.ca, noDelay: true }
    await Promise.all(
      Array.from({ length: target.connections }, async () => {
        const socket = connect(options)
        await new Promise<void>((resolve, reject) => {
          socket.once('secureConnect', resolve)
          socket.once('error', reject)
        })
        socket.removeAllListeners('error')
        this.#sockets.push(socket)
      }),
    )
  }

  /** Starts the loop on every connection. @param limit ends it after so many requests */
  start(limit = Number.POSITIVE_INFINITY): void {
    this.#limit = limit
    for (const socket of this.#sockets) this.#loop(socket)
  }

  /** Forgets what was recorded so far, and records from now on. */
  record(): void {
    this.#count = 0
    this.#statuses = {}
  }

  answers(): Answers {
    return { latencies: this.#latencies.slice(0, this.#count), statuses: { ...this.#statuses } }
  }

  /** The body of the first answer of all, to look at what the server really says. */
  firstBody(): string {
    return Buffer.concat(this.#firstBody ?? []).toString('utf8')
  }

  /** Resolves when every connection has its last answer: the limit was reached, or `stop` was called. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve
      if (this.#busy === 0) resolve()
    })
  }

  stop(): void {
    this.#stopped = true
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #loop(socket: TLSSocket): void {
    let sentAt = 0
    let head: Buffer | undefined
    /** Bytes of the body that have not arrived yet; 0 while the head is being read. */
    let missing = 0
    let status = ''
    const keep: Buffer[] | undefined = this.#sent === 0 ? this.#firstBody : undefined
    let keeping = keep !== undefined

    const send = () => {
      if (this.#stopped || this.#sent >= this.#limit) {
        this.#rest()
        return
      }
      this.#sent++
      sentAt = performance.now()
      socket.write(this.#next())
    }
    const complete = () => {
      keeping = false
      this.#note(status, performance.now() - sentAt)
      send()
    }
    socket.on('data', (chunk: Buffer) => {
      if (missing > 0) {
        if (keeping) keep?.push(chunk)
        missing -= chunk.length
        if (missing === 0) complete()
        return
      }
      head = head === undefined ? chunk : Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      const text = head.toString('latin1', 0, end)
      status = text.slice(9, 12)
      const body = head.subarray(end + 4)
      if (keeping) keep?.push(Buffer.from(body))
      missing = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0) - body.length
      head = undefined
      if (missing === 0) complete()
    })
    socket.once('error', () => {})
    socket.once('close', () => {
      if (this.#stopped) return
      this.#note('error', performance.now() - sentAt)
      this.#rest()
    })
    this.#busy++
    send()
  }

  #rest(): void {
    this.#busy--
    if (this.#busy === 0) this.#onIdle?.()
  }

  #note(status: string, milliseconds: number): void {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1
    if (this.#count === this.#latencies.length) {
      const larger = new Float64Array(2 * this.#count)
      larger.set(this.#latencies)
      this.#latencies = larger
    }
    this.#latencies[this.#count++] = milliseconds
  }
}
