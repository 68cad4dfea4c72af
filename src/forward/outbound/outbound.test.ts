import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Answering, answers, Processor, redirectTo } from '../../../test/support/processor.ts'
import { connectTo } from './connect.ts'
import { MAX_ANSWER_BYTES, NoAnswer } from './exchange.ts'
import { createOutbound, type Identity, type Outbound, type OutboundDeps, type Target } from './outbound.ts'

const request = {
  method: 'POST',
  path: '/v1/payments',
  headers: [
    ['content-type', 'application/json'],
    ['host', 'elsewhere.example'],
    ['accept-encoding', 'gzip'],
  ] as const,
  body: Buffer.from('{"amount":1}'),
}

let processor: Processor
let outbound: Outbound
let opened: { stop(): Promise<void> }[] = []

beforeEach(async () => {
  processor = await Processor.start()
  opened = [processor]
  outbound = open()
})
afterEach(async () => {
  await outbound.close()
  for (const one of opened) await one.stop()
})

function open(deps: Partial<OutboundDeps> = {}): Outbound {
  return createOutbound({ production: false, lookUp: async () => ['127.0.0.1'], ...deps })
}

function target(changes: Partial<Target> = {}): Target {
  return {
    name: 'acquirer',
    origin: processor.origin,
    connectMs: 5_000,
    answerMs: 5_000,
    inFlight: 5,
    privateAddresses: true,
    ...changes,
  }
}

function send(changes: Partial<Target> = {}, identity: Identity = { ca: processor.ca }) {
  return outbound.hold(target(changes), (sendIt) => sendIt(request, identity))
}

const failure = (sent: Promise<unknown>): Promise<NoAnswer> =>
  sent.then(
    () => Promise.reject(new Error('it was answered')),
    (error: unknown) => {
      expect(error).toBeInstanceOf(NoAnswer)
      return error as NoAnswer
    },
  )

describe('a connection', () => {
  it('that breaks before a client listens to it is no error of the process', async () => {
    const to = { hostname: 'localhost', port: processor.port, connectMs: 5_000, ca: processor.ca }
    const { socket } = await connectTo(async () => ['127.0.0.1'], { ...to, reach: { private: true, loopback: true } })
    // `once` of node:events would listen to errors too.
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.destroy(new Error('reset by the peer'))
    await closed
  })
})

describe('a request', () => {
  it('arrives once, under the name of the destination, and its answer comes back with the address', async () => {
    processor.answer = answers.echo
    const { answer, address } = await send()
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body.toString())).toMatchObject({ echo: '{"amount":1}' })
    expect(address).toBe('127.0.0.1')
    const [received, ...others] = processor.received
    expect(others).toEqual([])
    expect(received).toMatchObject({ method: 'POST', url: '/v1/payments', servername: 'localhost' })
    expect(received?.headers).toMatchObject({
      host: `localhost:${processor.port}`,
      'accept-encoding': 'identity',
      'content-length': '12',
      'content-type': 'application/json',
    })
  })

  it('uses the connection of the one before', async () => {
    for (let at = 0; at < 5; at++) await send()
    expect(processor.connections).toBe(1)
  })

  it('uses no connection that was verified with something else', async () => {
    await send()
    const other = await Processor.start()
    opened.push(other)
    expect((await failure(send({}, { ca: other.ca }))).mayHaveArrived).toBe(false)
    expect(processor.received).toHaveLength(1)
  })

  it('shows the certificate of the destination', async () => {
    const mutual = await Processor.start({ asksForCertificate: true })
    opened.push(mutual)
    const { createClientAuthority } = await import('../../../test/support/client-certificates.ts')
    const certificate = await (await createClientAuthority()).issue({ subject: 'CN=vault' })
    await send({ origin: mutual.origin }, { ca: mutual.ca, certificate })
    expect(mutual.received[0]?.client).toBe('vault')
  })

  it('takes no proxy from the environment', async () => {
    const proxy = createServer().listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    let asked = 0
    proxy.on('connection', (socket) => {
      asked++
      socket.destroy()
    })
    const url = `http://127.0.0.1:${(proxy.address() as { port: number }).port}`
    const names = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'] as const
    const before = names.map((name) => [name, process.env[name]] as const)
    for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : url
    try {
      expect((await send()).answer.status).toBe(200)
      expect(asked).toBe(0)
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
      proxy.close()
    }
  })
})

describe('nothing was sent', () => {
  async function refusing(server: Server): Promise<string> {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    opened.push({ stop: async () => void server.close() })
    return `https://localhost:${port}`
  }

  it('when nothing listens', async () => {
    const server = createServer()
    const origin = await refusing(server)
    server.close()
    expect(await failure(send({ origin }))).toMatchObject({ mayHaveArrived: false, isLate: false })
  })

  it('when the name does not resolve, or only to nothing', async () => {
    for (const lookUp of [async () => [], () => Promise.reject(new Error('ENOTFOUND'))]) {
      outbound = open({ lookUp })
      expect((await failure(send())).mayHaveArrived).toBe(false)
    }
  })

  it('when the name server or the handshake takes too long', async () => {
    const silent = createServer((socket) => void socket.on('error', () => {}))
    const origin = await refusing(silent)
    expect((await failure(send({ origin, connectMs: 50 }))).mayHaveArrived).toBe(false)
    outbound = open({ lookUp: () => new Promise(() => {}) })
    expect((await failure(send({ connectMs: 50 }))).mayHaveArrived).toBe(false)
    expect(processor.received).toEqual([])
  })

  it.each([
    ['of another authority', async () => ({ of: await Processor.start(), ca: processor.ca })],
    ['of another name', async () => ({ of: await Processor.start({ names: ['elsewhere.example'] }), ca: undefined })],
    ['of an old protocol', async () => ({ of: await Processor.start({ maxVersion: 'TLSv1.1' }), ca: undefined })],
  ])('when the certificate is %s', async (_, prepare) => {
    const { of, ca } = await prepare()
    opened.push(of)
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      expect((await failure(send({ origin: of.origin }, { ca: ca ?? of.ca }))).mayHaveArrived).toBe(false)
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    }
    expect(of.received).toEqual([])
  })

  it('when one of the addresses of the name is not allowed', async () => {
    outbound = open({ lookUp: async () => ['127.0.0.1', '169.254.169.254'] })
    expect((await failure(send())).mayHaveArrived).toBe(false)
    expect(processor.connections).toBe(0)
  })

  it('in production, where loopback is not allowed even if the destination is private', async () => {
    outbound = open({ production: true })
    expect((await failure(send())).mayHaveArrived).toBe(false)
    expect(processor.connections).toBe(0)
  })
})

describe('the request may have arrived', () => {
  it.each<[string, Answering]>([
    ['is cut off', answers.truncate],
    ['is a reset', answers.reset],
    ['is compressed', answers.compress],
  ])('when the answer %s', async (_, answer) => {
    processor.answer = answer
    expect(await failure(send())).toMatchObject({ mayHaveArrived: true, isLate: false })
    expect(processor.received).toHaveLength(1)
  })

  it('when there is no answer in time', async () => {
    processor.answer = answers.silence
    expect(await failure(send({ answerMs: 1_000 }))).toMatchObject({ mayHaveArrived: true, isLate: true })
    expect(processor.received).toHaveLength(1)
  })

  it('when the answer is too long, and no more of it is read', async () => {
    let written = 0
    processor.answer = (request, response, socket) => {
      answers.flood(request, response)
      socket.once('close', () => {
        written = socket.bytesWritten
      })
    }
    expect((await failure(send())).mayHaveArrived).toBe(true)
    await expect.poll(() => written).toBeGreaterThan(0)
    expect(written).toBeLessThan(30 * MAX_ANSWER_BYTES)
  })

  it('when the header is too long', async () => {
    processor.answer = (_request, response) => {
      for (let at = 0; at < 40; at++) response.setHeader(`x-${at}`, 'a'.repeat(1000))
      response.end()
    }
    expect((await failure(send())).mayHaveArrived).toBe(true)
  })

  it('and the next request has another connection, and is sent once too', async () => {
    processor.answer = answers.reset
    await failure(send())
    processor.answer = answers.success
    expect((await send()).answer.status).toBe(200)
    expect(processor.received).toHaveLength(2)
  })
})

it('follows no redirect', async () => {
  const inside = await Processor.start()
  opened.push(inside)
  processor.answer = redirectTo(inside.origin)
  expect((await send()).answer.status).toBe(302)
  expect(inside.received).toEqual([])
})

describe('places', () => {
  it('are as many as the destination has, and none of another destination is taken', async () => {
    processor.answer = answers.silence
    const slow = [1, 2].map(() => failure(send({ inFlight: 2, answerMs: 2_000 })))
    await expect.poll(() => processor.received.length).toBe(2)
    await expect(send({ inFlight: 2 })).rejects.toMatchObject({ code: 'destination-unavailable' })
    processor.answer = answers.success
    expect((await send({ name: 'another', inFlight: 2 })).answer.status).toBe(200)
    await Promise.all(slow)
    expect((await send({ inFlight: 2 })).answer.status).toBe(200)
  })

  it('are empty when it closes, and none is given afterwards', async () => {
    let finish = () => {}
    processor.answer = (request, response) =>
      new Promise<void>((resolve) => {
        finish = resolve
      }).then(() => answers.success(request, response))
    const sent = send()
    await expect.poll(() => processor.received.length).toBe(1)
    const closed = outbound.close()
    await expect(send()).rejects.toMatchObject({ code: 'shutting-down' })
    finish()
    expect((await sent).answer.status).toBe(200)
    await closed
  })
})
