import { type ChildProcess, fork } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { NO_INSPECTOR_SIGNAL } from '../../inspector-signal.ts'
import type { RandomBytes } from '../../random-bytes.ts'
import { encodeContext, SealError } from '../seal.ts'
import { frameKey, unframeKey } from './key-frame.ts'
import type { FromToken, ToToken } from './pkcs11-process.ts'
import type { TokenAccess, TokenAnswer, TokenRequest } from './pkcs11-session.ts'
import { type RootKeyCipher, RootKeyConfigError, type RootKeyProvider, RootKeyUnreachable } from './root-key.ts'
import { existingRootKey, newRootKey } from './root-key-check.ts'

/** With the time that a process needs to start and to log in. */
const ANSWER_MS = 10_000
/** 96 bits, random: NIST SP 800-38D section 8.2.2. */
const NONCE_BYTES = 12
const WRAP_FORMAT = 1
const DEFAULT_LABEL = 'strongroom-root-key'

const parametersSchema = z.object({ token: z.string().min(1), label: z.string() })

export interface Pkcs11Options {
  /** The vendor's library. */
  module: string | undefined
  /** The label of the token in which a new root key is made; the record knows it from then on. */
  token: string | undefined
  /** The label that a new key gets, for people. */
  label: string | undefined
  /** A file with the user PIN. */
  pinFile: string | undefined
  randomBytes: RandomBytes
}

/**
 * Root keys inside a PKCS#11 token, such as an HSM: AES-256, made there, sensitive and not extractable. A wrapped key is
 *
 *     0x01 ‖ nonce, 12 bytes ‖ AES-256-GCM of the framed key, with its context as associated data ‖ tag, 16 bytes
 */
export function createPkcs11Provider(options: Pkcs11Options): RootKeyProvider {
  const { randomBytes, label = DEFAULT_LABEL } = options
  // A token locks itself after a few wrong PINs: none is tried twice.
  const refusedPins = new Set<string>()
  const connectTo = async (token: string): Promise<Ask> => {
    const opened = await access(token)
    return connect(opened, refusedPins)
  }
  const access = async (token: string): Promise<TokenAccess> => {
    const { module, pinFile } = options
    if (module === undefined) throw missing('STRONGROOM_PKCS11_MODULE', "the path of the vendor's library")
    if (pinFile === undefined) throw missing('STRONGROOM_PKCS11_PIN_FILE', 'a file of mode 0600 with the user PIN')
    const pin = await readFile(pinFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new RootKeyConfigError(`the PIN file ${pinFile} cannot be read (${error.code}).`)
    })
    return { module, token, pin: pin.trim() }
  }
  return {
    name: 'pkcs11',
    canGoAway: true,
    async create(id) {
      const { token } = options
      if (token === undefined) throw missing('STRONGROOM_PKCS11_TOKEN', 'the label of the token')
      const ask = await connectTo(token)
      await ask({ do: 'generate', label, id: Buffer.from(id) })
      const record = { id, provider: 'pkcs11', parameters: { token, label } }
      return newRootKey(record, cipherOf(ask, id, `${token}/${label}`, randomBytes))
    },
    async open(record) {
      const { token, label } = parametersSchema.parse(record.parameters)
      return existingRootKey(record, cipherOf(await connectTo(token), record.id, `${token}/${label}`, randomBytes))
    },
  }
}

const PIN_REFUSED =
  'the PKCS#11 token has refused the PIN, which is not tried again: put the right one into STRONGROOM_PKCS11_PIN_FILE and restart.'

function missing(option: string, meaning: string): RootKeyConfigError {
  return new RootKeyConfigError(`${option} must name ${meaning}.`)
}

interface Ask {
  (request: TokenRequest): Promise<Buffer>
  close(): void
}

function cipherOf(ask: Ask, keyId: string, location: string, randomBytes: RandomBytes): RootKeyCipher {
  const id = Buffer.from(keyId)
  return {
    async wrap(key, context) {
      const frame = frameKey(key, context)
      const nonce = randomBytes(NONCE_BYTES)
      try {
        const request = { do: 'encrypt', id, nonce, context: encodeContext(context), bytes: frame } as const
        return Buffer.concat([Buffer.of(WRAP_FORMAT), nonce, await ask(request)])
      } finally {
        frame.fill(0)
      }
    },
    async unwrap(wrapped, context) {
      if (wrapped[0] !== WRAP_FORMAT || wrapped.length <= 1 + NONCE_BYTES)
        throw new SealError('no key wrapped by a token')
      const nonce = wrapped.subarray(1, 1 + NONCE_BYTES)
      const bytes = wrapped.subarray(1 + NONCE_BYTES)
      return unframeKey(await ask({ do: 'decrypt', id, nonce, context: encodeContext(context), bytes }), context)
    },
    describe: () => ({ provider: 'pkcs11', algorithm: 'AES-256-GCM in a PKCS#11 token', strengthBits: 256, location }),
    close: () => ask.close(),
  }
}

/**
 * Asks the token, by a process that is forked for the first request and again after any failure: a session that was lost is
 * one more process. One that does not answer in time is killed.
 */
function connect(access: TokenAccess, refusedPins: Set<string>): Ask {
  let current: TokenProcess | undefined
  const end = (process: TokenProcess | undefined) => {
    if (current === process) current = undefined
    process?.end()
  }
  const ask = async (request: TokenRequest) => {
    if (refusedPins.has(access.pin)) throw new RootKeyConfigError(PIN_REFUSED)
    current ??= startTokenProcess(access)
    const process = current
    try {
      const answer = await process.ask(request)
      if ('bytes' in answer) return Buffer.from(answer.bytes)
      if (answer.reason.startsWith('CKR_PIN_')) refusedPins.add(access.pin)
      throw failureOf(answer)
    } catch (error) {
      if (!(error instanceof SealError)) end(process)
      throw error
    }
  }
  return Object.assign(ask, { close: () => end(current) })
}

function failureOf({ failed, reason }: Extract<TokenAnswer, { failed: string }>): Error {
  if (failed === 'wrong') return new SealError(reason)
  if (failed === 'config') return new RootKeyConfigError(`the PKCS#11 token cannot be used: ${reason}`)
  return new RootKeyUnreachable(`the PKCS#11 token does not answer as it should (${reason})`)
}

interface TokenProcess {
  ask(request: TokenRequest): Promise<TokenAnswer>
  end(): void
}

function startTokenProcess(access: TokenAccess): TokenProcess {
  // The sibling has our own extension: .ts when run from the sources, .js when built.
  const here = fileURLToPath(import.meta.url)
  const program = path.join(path.dirname(here), `pkcs11-process${path.extname(here)}`)
  const child = fork(program, [], {
    serialization: 'advanced',
    execArgv: [NO_INSPECTOR_SIGNAL],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const waiting = new Map<number, { resolve(answer: TokenAnswer): void; reject(error: Error): void }>()
  let asked = 0
  const fail = (reason: string) => {
    for (const { reject } of waiting.values()) reject(new RootKeyUnreachable(`the PKCS#11 token ${reason}`))
    waiting.clear()
    keepAliveOnlyWhileAsked(child, waiting.size)
  }
  child.on('message', ({ number, answer }: FromToken) => {
    waiting.get(number)?.resolve(answer)
    waiting.delete(number)
    keepAliveOnlyWhileAsked(child, waiting.size)
  })
  child.on('error', () => fail('cannot be asked'))
  child.on('exit', () => fail('ended the process that asked it'))
  const send = (message: ToToken) => void child.send(message, () => {})
  send({ access })
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        asked += 1
        const number = asked
        const late = setTimeout(() => fail('did not answer in time'), ANSWER_MS)
        const settled = () => clearTimeout(late)
        waiting.set(number, {
          resolve: (answer) => {
            settled()
            resolve(answer)
          },
          reject: (error) => {
            settled()
            reject(error)
          },
        })
        keepAliveOnlyWhileAsked(child, waiting.size)
        send({ number, request })
      }),
    end() {
      fail('was left')
      // It may be inside the library, where it hears nothing.
      child.kill('SIGKILL')
    },
  }
}

/** A command that is done ends, although the token's process is there. */
function keepAliveOnlyWhileAsked(child: ChildProcess, requests: number): void {
  if (requests > 0) {
    child.ref()
    child.channel?.ref()
  } else {
    child.unref()
    child.channel?.unref()
  }
}
