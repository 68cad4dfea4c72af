import { createHash, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { inject } from 'vitest'
import { findFreePorts } from './run-program.ts'

/** A request that reached a test server: the path, the headers and the body of a POST. */
export interface Posted {
  path: string
  headers: Record<string, string | string[] | undefined>
  body: string
}

interface Reply {
  status: number
  headers?: Record<string, string>
  body?: string
}

/** A server on loopback, over TLS, that takes POSTs; it can go away and come back at the same port. */
export class PostServer {
  readonly received: Posted[] = []
  reply: (posted: Posted) => Reply | Promise<Reply>
  /** How many connections it has taken. */
  connections = 0
  readonly #server: Server
  #port = 0

  protected constructor(reply: (posted: Posted) => Reply) {
    const { certsDir } = inject('cluster')
    const file = (name: string) => readFileSync(path.join(certsDir, name))
    this.reply = reply
    this.#server = createServer(
      { cert: file('server.pem'), key: file('server-key.pem') },
      async (request, response) => {
        const posted = { path: request.url ?? '', headers: request.headers, body: await text(request) }
        this.received.push(posted)
        const { status, headers = {}, body = '' } = await this.reply(posted)
        response.writeHead(status, headers).end(body)
      },
    )
    // A connection stays as long as a test may take.
    this.#server.keepAliveTimeout = 120_000
    this.#server.on('secureConnection', () => this.connections++)
  }

  static async start(reply: (posted: Posted) => Reply = () => ({ status: 200 })): Promise<PostServer> {
    const server = new PostServer(reply)
    await server.listen()
    return server
  }

  get url(): string {
    return `https://localhost:${this.#port}`
  }

  async listen(): Promise<void> {
    // While it is stopped no other server of the machine is given its port.
    if (this.#port === 0) this.#port = (await findFreePorts(1))[0]!
    return new Promise((resolve) => {
      this.#server.listen(this.#port, '127.0.0.1', () => resolve())
    })
  }

  closeConnections(): void {
    this.#server.closeAllConnections()
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest()
const node = (left: Uint8Array, right: Uint8Array) => sha256(Buffer.of(1), left, right)
const rawKey = (publicKey: KeyObject) => publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
const keyHash = (name: string, type: number, raw: Uint8Array) =>
  sha256(Buffer.from(`${name}\n`), Buffer.of(type), raw).subarray(0, 4)

/**
 * A witness by C2SP tlog-witness, written from the specification and RFC 6962 alone: nothing of the vault's is used to
 * verify the vault.
 */
export class TestWitness extends PostServer {
  readonly name = 'witness.example/w1'
  /** What it has signed last. */
  latest = { size: 0, root: Buffer.alloc(32) }
  /** The text of each checkpoint that it has signed. */
  readonly signed: string[] = []
  /** For each origin that it knows. */
  readonly logKeys = new Map<string, KeyObject>()
  readonly #keys = generateKeyPairSync('ed25519')

  static override async start(): Promise<TestWitness> {
    const witness = new TestWitness(() => ({ status: 500 }))
    witness.reply = (posted) => witness.addCheckpoint(posted)
    await witness.listen()
    return witness
  }

  /** As a configuration has it. */
  get verifierKey(): string {
    const raw = rawKey(this.#keys.publicKey)
    const base64 = Buffer.concat([Buffer.of(4), raw]).toString('base64')
    return `${this.name}+${keyHash(this.name, 4, raw).toString('hex')}+${base64}`
  }

  addCheckpoint({ path: asked, body }: Posted): Reply {
    if (asked !== '/add-checkpoint') return { status: 404 }
    const [head, ...rest] = body.split('\n\n')
    const note = rest.join('\n\n')
    const [oldLine, ...proof] = head!.split('\n')
    const old = /^old (0|[1-9]\d*)$/.exec(oldLine!)?.[1]
    const [origin = '', sizeLine = '', rootLine = ''] = note.split('\n')
    const size = Number(sizeLine)
    if (old === undefined || proof.length > 63 || Number(old) > size) return { status: 400 }
    const logKey = this.logKeys.get(origin)
    if (logKey === undefined) return { status: 404 }
    const signedText = note.slice(0, note.indexOf('\n\n') + 1)
    if (!this.#isSigned(note, signedText, origin, logKey)) return { status: 403 }
    const root = Buffer.from(rootLine, 'base64')
    if (Number(old) !== this.latest.size) return this.#conflict()
    if (size === this.latest.size) {
      if (!root.equals(this.latest.root)) return this.#conflict()
    } else if (Number(old) === 0) {
      if (proof.length > 0) return { status: 422 }
    } else {
      const hashes = proof.map((line) => Buffer.from(line, 'base64'))
      if (!isContinued(this.latest, { size, root }, hashes)) return { status: 422 }
    }
    this.latest = { size, root }
    this.signed.push(signedText)
    return { status: 200, body: this.cosign(signedText) }
  }

  cosign(signedText: string, time = Math.floor(Date.now() / 1000)): string {
    const timestamp = Buffer.alloc(8)
    timestamp.writeBigUInt64BE(BigInt(time))
    const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${time}\n${signedText}`), this.#keys.privateKey)
    const id = keyHash(this.name, 4, rawKey(this.#keys.publicKey))
    return `— ${this.name} ${Buffer.concat([id, timestamp, signature]).toString('base64')}\n`
  }

  /** Whether the line is this witness's signature over the text. */
  hasCosigned(line: string, signedText: string): boolean {
    const bytes = Buffer.from(line.split(' ')[2] ?? '', 'base64')
    const time = bytes.readBigUInt64BE(4)
    const message = Buffer.from(`cosignature/v1\ntime ${time}\n${signedText}`)
    return line.startsWith(`— ${this.name} `) && verify(null, message, this.#keys.publicKey, bytes.subarray(12))
  }

  #conflict(): Reply {
    const headers = { 'Content-Type': 'text/x.tlog.size' }
    return { status: 409, headers, body: `${this.latest.size}\n` }
  }

  #isSigned(note: string, signedText: string, origin: string, key: KeyObject): boolean {
    const lines = note.slice(signedText.length + 1).split('\n')
    const id = keyHash(origin, 1, rawKey(key))
    return lines.some((line) => {
      const [dash, name, base64 = ''] = line.split(' ')
      const bytes = Buffer.from(base64, 'base64')
      const isOfKey = dash === '—' && name === origin && bytes.subarray(0, 4).equals(id)
      return isOfKey && verify(null, Buffer.from(signedText), key, bytes.subarray(4))
    })
  }
}

interface Tree {
  size: number
  root: Buffer
}

/** RFC 6962, section 2.1.2, read backwards: the proof's last hash is the sibling at the top. */
function isContinued(older: Tree, newer: Tree, proof: Buffer[]): boolean {
  const left = [...proof]
  const pop = () => left.pop() ?? Buffer.alloc(0)
  function roots(m: number, n: number, isWhole: boolean): [Buffer, Buffer] {
    if (m === n) {
      const hash = isWhole ? older.root : pop()
      return [hash, hash]
    }
    let k = 1
    while (k * 2 < n) k *= 2
    const sibling = pop()
    if (m <= k) {
      const [o, w] = roots(m, k, isWhole)
      return [o, node(w, sibling)]
    }
    const [o, w] = roots(m - k, n - k, false)
    return [node(sibling, o), node(sibling, w)]
  }
  const [ofOlder, ofNewer] = roots(older.size, newer.size, true)
  return left.length === 0 && ofOlder.equals(older.root) && ofNewer.equals(newer.root)
}
