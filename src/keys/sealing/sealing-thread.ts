import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { Problem } from '../../values/problem.ts'
import { VaultError } from '../../values/vault-error.ts'
import { type JoinedBytes, joinBytes, splitBytes } from './joined-bytes.ts'
import type { SealContext, SealingKey } from './seal-context.ts'

/** On a machine that has too much to do, starting the thread takes its time too. */
const PATIENCE_MS = 5_000

/** Nothing that it makes lives longer than one message. */
const HEAP = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 }

/** What a value is sealed under, padded to, and bound to: as a list, of which the copy takes a third of an object's time. */
type Place = readonly [
  key: SealingKey,
  padToBytes: number,
  site: string,
  kind: string,
  token: string,
  part: string,
  version: number,
  facts: string | undefined,
]

/**
 * What the thread is asked. A key goes over as a handle and not as bytes, once in a message however many values name it,
 * and the thread keeps none. The plaintexts are transferred: afterwards only the thread has them.
 */
export interface ToSealingThread {
  places: readonly Place[]
  plaintexts: JoinedBytes
}

/** The sealed values. What was asked first is answered first. */
export type FromSealingThread = JoinedBytes

/** A value to be sealed under the active key of that purpose. Holds plaintext. */
export interface PlainValue {
  purpose: 'display' | 'secret'
  context: SealContext
  plaintext: Uint8Array
  padToBytes: number
}

export type KeyedValue = Omit<PlainValue, 'purpose'> & { key: SealingKey }

/** A thread that seals while the main one continues. It starts when it is first needed, and again after any failure. */
export interface SealingThread {
  /** Seals in the thread; the plaintexts are wiped when this returns. @throws {Problem} busy, when the thread fails */
  seal(values: readonly KeyedValue[]): Promise<Buffer[]>
  /** Ends the thread, if there is one; what it has not answered is refused for that reason. */
  end(reason: Problem): Promise<void>
}

/** The thread failed. Holds no data. */
class SealingThreadError extends VaultError {
  override readonly name = 'SealingThreadError'
}

/** @param patienceMs how long the thread may be silent while it has something to do */
export function createSealingThread(patienceMs = PATIENCE_MS): SealingThread {
  let current: ReturnType<typeof startThread> | undefined

  function startThread() {
    // The sibling has our own extension: .ts when run from the sources, .js when built.
    const here = fileURLToPath(import.meta.url)
    const program = path.join(path.dirname(here), `sealing-thread-program${path.extname(here)}`)
    const worker = new Worker(program, { name: 'sealing', env: {}, execArgv: [], resourceLimits: HEAP })
    const waiting: PromiseWithResolvers<Buffer[]>[] = []
    let silence: NodeJS.Timeout | undefined

    async function end(reason: Problem): Promise<void> {
      if (current?.worker === worker) current = undefined
      clearTimeout(silence)
      for (const { reject } of waiting.splice(0)) reject(reason)
      await worker.terminate()
    }
    // The reason of its end is reported nowhere: it had plaintext at hand.
    const fail = (how: string) => void end(new Problem('busy', { cause: new SealingThreadError(how) }))
    /** A process that is done ends, although the thread is there. */
    function watch(): void {
      clearTimeout(silence)
      if (waiting.length > 0) {
        worker.ref()
        silence = setTimeout(fail, patienceMs, 'the sealing thread does not answer')
      } else worker.unref()
    }
    worker.on('message', (answer: FromSealingThread) => {
      waiting.shift()?.resolve(splitBytes(answer))
      watch()
    })
    worker.on('error', () => fail('the sealing thread died'))
    worker.on('exit', () => fail('the sealing thread ended'))

    return {
      worker,
      end,
      ask(message: ToSealingThread): Promise<Buffer[]> {
        try {
          worker.postMessage(message, [message.plaintexts.buffer])
        } catch (error) {
          // It was not handed over.
          new Uint8Array(message.plaintexts.buffer).fill(0)
          throw error
        }
        const answer = Promise.withResolvers<Buffer[]>()
        if (waiting.push(answer) === 1) watch()
        return answer.promise
      },
    }
  }

  return {
    async seal(values) {
      try {
        const places = values.map(({ key, padToBytes, context: { site, kind, token, part, version, facts } }) => {
          return [key, padToBytes, site, kind, token, part, version, facts] as const
        })
        current ??= startThread()
        return current.ask({ places, plaintexts: joinBytes(values.map(({ plaintext }) => plaintext)) })
      } finally {
        for (const { plaintext } of values) plaintext.fill(0)
      }
    },
    async end(reason) {
      await current?.end(reason)
    },
  }
}
