import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { inspect, promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { testKey } from '../../../test/support/test-keys.ts'
import { countThreads } from '../../../test/support/threads.ts'
import { Problem } from '../../values/problem.ts'
import { open, paddedLengthOf } from './seal.ts'
import { SealError } from './seal-context.ts'
import { createSealingThread, type KeyedValue, type ToSealingThread } from './sealing-thread.ts'

const keys = { display: testKey('display'), secret: testKey('secret') }
const over = new Problem('shutting-down')
const NUMBER = '4242424242424242'
const threads: ReturnType<typeof createSealingThread>[] = []

function createThread(patienceMs?: number) {
  const thread = createSealingThread(patienceMs)
  threads.push(thread)
  return thread
}

function value(token: string, part: 'display' | 'secret' = 'secret', text = NUMBER): KeyedValue {
  const context = { site: 'default', kind: 'card', token, part, version: 1 }
  return { key: keys[part], context, plaintext: Buffer.from(text), padToBytes: 64 }
}

const many = (name: string, count = 40) =>
  Array.from({ length: count }, (_, at) => value(`${name}_${at}`, at % 2 ? 'display' : 'secret', `${NUMBER} ${at}`))
/** No multiple of nothing is long enough: `seal` throws. */
const poison = () => ({ ...value('poison'), padToBytes: 0 })

function textsOf(values: readonly KeyedValue[], sealed: readonly Buffer[]): string[] {
  return values.map(({ key, context }, at) => open(key, context, sealed[at]!).toString())
}

afterEach(async () => {
  vi.restoreAllMocks()
  vi.useRealTimers()
  for (const thread of threads.splice(0)) await thread.end(over)
})

describe('what the thread seals', () => {
  it('opens with its key and in its place only, whatever it is and however much comes at once', async () => {
    const thread = createThread()
    const name = fc.string({ maxLength: 20 })
    const values = fc.array(
      fc.record({
        key: fc.constantFrom(keys.display, keys.secret),
        context: fc.record({ site: name, kind: name, token: name, part: name, version: fc.nat() }),
        plaintext: fc.uint8Array({ maxLength: 600 }),
        padToBytes: fc.constantFrom(1, 16, 64, 128),
      }),
      { maxLength: 60 },
    )
    await fc.assert(
      fc.asyncProperty(values, async (values) => {
        const before = values.map(({ plaintext }) => Buffer.from(plaintext))
        const sealed = await thread.seal(values)
        expect(sealed.length).toBe(values.length)
        for (const [at, { key, context, padToBytes }] of values.entries()) {
          expect(open(key, context, sealed[at]!)).toEqual(before[at])
          expect(paddedLengthOf(sealed[at]!)).toBe(Math.ceil((before[at]!.length + 1) / padToBytes) * padToBytes)
          const elsewhere = { ...context, version: context.version + 1 }
          expect(() => open(key, elsewhere, sealed[at]!)).toThrow(SealError)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('comes back to who asked for it, with no nonce twice', async () => {
    const thread = createThread()
    const asked = ['a', 'b', 'c'].map((name) => many(name))
    const answers = await Promise.all(asked.map((values) => thread.seal(values)))
    for (const [at, values] of asked.entries()) {
      expect(textsOf(values, answers[at]!)).toEqual(values.map((_, at) => `${NUMBER} ${at}`))
    }
    const nonces = answers.flat().map((sealed) => sealed.subarray(1, 13).toString('hex'))
    expect(new Set(nonces).size).toBe(120)
  })
})

describe('plaintext', () => {
  it('goes over in the buffer that is handed over, and stays nowhere here', async () => {
    const post = vi.spyOn(Worker.prototype, 'postMessage')
    const values = many('gone')
    const [first] = values
    const answer = createThread().seal(values)
    expect(values.every(({ plaintext }) => plaintext.every((byte) => byte === 0))).toBe(true)
    const message = post.mock.calls[0]![0] as ToSealingThread
    expect(message.plaintexts.buffer).toMatchObject({ detached: true, byteLength: 0 })
    expect(inspect(message, { depth: null })).not.toContain(NUMBER)
    const sealed = await answer
    expect(sealed[0]!.buffer).toBe(sealed[39]!.buffer)
    expect(Buffer.from(sealed[0]!.buffer).includes(NUMBER)).toBe(false)
    expect(open(first!.key, first!.context, sealed[0]!).toString()).toContain(NUMBER)
  })
})

describe('plaintext that is not handed over', () => {
  it('is wiped, with the buffer that it was joined in', async () => {
    const post = vi.spyOn(Worker.prototype, 'postMessage')
    const values = many('kept')
    // No message can hold a function.
    const broken = { ...values[0]!, key: { id: 'key_one', secret: (() => {}) as never } }
    await expect(createThread().seal([broken, ...values.slice(1)])).rejects.toThrow()
    const { plaintexts } = post.mock.calls[0]![0] as ToSealingThread
    expect(plaintexts.buffer.byteLength).toBeGreaterThan(40 * NUMBER.length)
    expect(new Uint8Array(plaintexts.buffer).every((byte) => byte === 0)).toBe(true)
    expect(values.every(({ plaintext }) => plaintext.every((byte) => byte === 0))).toBe(true)
  })
})

describe('a thread that fails', () => {
  it('is busy to all who wait for it, says nothing of what it had, and is another the next time', async () => {
    const thread = createThread()
    await thread.seal(many('before'))
    const failed = await Promise.allSettled([thread.seal([poison(), ...many('with')]), thread.seal(many('behind'))])
    for (const { status, reason } of failed as PromiseRejectedResult[]) {
      expect(status).toBe('rejected')
      expect(reason).toMatchObject({ code: 'busy', kind: 'unavailable', cause: { message: 'the sealing thread died' } })
      expect(inspect(reason, { depth: null, showHidden: true })).not.toMatch(/4242|padTo|poison/)
    }
    expect(countThreads()).toBe(0)
    const values = many('after')
    expect(textsOf(values, await thread.seal(values))[7]).toBe(`${NUMBER} 7`)
    expect(countThreads()).toBe(1)
  })

  it('is busy and ended when it is silent for too long', async () => {
    // It cannot even have started.
    const asked = createThread(1).seal(many('late'))
    await expect(asked).rejects.toMatchObject({
      code: 'busy',
      cause: { message: 'the sealing thread does not answer' },
    })
    await expect.poll(countThreads).toBe(0)
  })

  it('gets its time for each answer, and no more of it because of other requests', async () => {
    const thread = createThread(1_000)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    for (const name of ['a', 'b', 'c']) {
      const asked = thread.seal(many(name))
      vi.advanceTimersByTime(600)
      await asked
    }
    const asked = [thread.seal(many('d'))]
    vi.advanceTimersByTime(600)
    asked.push(thread.seal(many('e')))
    vi.advanceTimersByTime(600)
    for (const { reason } of (await Promise.allSettled(asked)) as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({ code: 'busy' })
    }
  })
})

describe('its end', () => {
  it('refuses what is under way for the reason given, and leaves no thread', async () => {
    const thread = createThread()
    await expect.poll(countThreads).toBe(0)
    await thread.seal(many('first'))
    expect(countThreads()).toBe(1)
    const asked = expect(thread.seal(many('last'))).rejects.toBe(over)
    await thread.end(over)
    await asked
    await expect.poll(countThreads).toBe(0)
    await thread.end(over)
  })

  it('is not needed: a process that is done ends with the thread in it, but not before it has its answer', async () => {
    const program = `
      import { createSecretKey } from 'node:crypto'
      import { createSealingThread } from ${JSON.stringify(new URL('sealing-thread.ts', import.meta.url))}
      const key = { id: 'key_one', secret: createSecretKey(Buffer.alloc(32, 1)) }
      const context = { site: '', kind: '', token: '', part: '', version: 1 }
      const [sealed] = await createSealingThread().seal([{ key, context, plaintext: Buffer.from('x'), padToBytes: 16 }])
      console.log(sealed.length)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      timeout: 20_000,
    })
    expect(stdout.trim()).toBe(String(1 + 12 + 32 + 16 + 16))
  })
})
