/**
 * The program of the sealing thread: seals what the main thread hands over, one message after the other, and keeps
 * nothing of it. Any fault ends the thread, and with it all that it knew.
 */
import { parentPort } from 'node:worker_threads'
import { createRandomBytes } from '../../values/random.ts'
import { joinBytes, splitBytes } from './joined-bytes.ts'
import { seal } from './seal.ts'
import type { FromSealingThread, ToSealingThread } from './sealing-thread.ts'

const randomBytes = createRandomBytes()

parentPort?.on('message', ({ places, plaintexts }: ToSealingThread) => {
  try {
    const sealed = splitBytes(plaintexts).map((plaintext, at) => {
      const [key, padToBytes, site, kind, token, part, version, facts] = places[at]!
      return seal(key, { site, kind, token, part, version, facts }, plaintext, padToBytes, randomBytes)
    })
    const answer: FromSealingThread = joinBytes(sealed)
    parentPort?.postMessage(answer, [answer.buffer])
  } finally {
    new Uint8Array(plaintexts.buffer).fill(0)
  }
})
