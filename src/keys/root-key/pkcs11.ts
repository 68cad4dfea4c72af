import { type ChildProcess, fork } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { NO_INSPECTOR_SIGNAL } from '../../values/inspector-signal.ts'
import type { RandomBytes } from '../../values/random.ts'
import { SealError } from '../sealing/seal-context.ts'
import type { FromToken, ToToken } from './pkcs11-process.ts'
import type { TokenAccess, TokenAnswer, TokenRequest } from './pkcs11-session.ts'
import {
  RootKeyConfigError,
  type RootKeyProvider,
  type RootKeyRecord,
  RootKeyUnreachable,
  type TokenFacts,
} from './root-key.ts'
import { existingRootKey, newRootKey } from './root-key-check.ts'
import { type Ask, cipherOf, keyOf, madeBy, tokenParameters } from './token/token-cipher.ts'

/** With the time that a process needs to start and to log in. */
const ANSWER_MS = 10_000
const DEFAULT_LABEL = 'strongroom-root-key'

export interface Pkcs11Options {
  /** The vendor's library. */
  module: string | undefined
  /** The label of the token in which a new root key is made; its record keeps it. */
  token: string | undefined
  /** The label that a new key gets, for people. */
  label: string | undefined
  /** A file with the user PIN. */
  pinFile: string | undefined
  /** The token that a root key was found in before. */
  pinnedToken?: ((rootKeyId: string) => TokenFacts | undefined) | undefined
  randomBytes: RandomBytes
}

/**
 * Root keys inside a PKCS#11 token, such as an HSM: AES-256, made there, sensitive and not extractable. How a token
 * wraps is found when a key is made in it (`chooseWay`), and recorded.
 */
export function createPkcs11Provider(options: Pkcs11Options): RootKeyProvider {
  const { randomBytes, label = DEFAULT_LABEL, pinnedToken } = options
  // A token locks itself after a few wrong PINs, so no PIN is tried twice.
  const refusedPins = new Set<string>()
  const connectTo = async (token: string, serial?: string): Promise<Ask> => {
    const opened = await access(token)
    return connect({ ...opened, serial }, refusedPins)
  }
  /** If the root key of that record was found before, no other token is asked. */
  const connectToTokenOf = ({ id, parameters }: Pick<RootKeyRecord, 'id' | 'parameters'>): Promise<Ask> =>
    connectTo(tokenParameters.parse(parameters).token, pinnedToken?.(id)?.serial)
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
    async create(id, _replaced, vault) {
      const { token } = options
      if (token === undefined) throw missing('STRONGROOM_PKCS11_TOKEN', 'the label of the token')
      const ask = await connectTo(token)
      try {
        const { way, lacks, serial } = madeBy(await ask({ do: 'generate', label, id: Buffer.from(id) }))
        const record = { id, provider: 'pkcs11', parameters: { token, label, way, lacks } }
        return await newRootKey(record, cipherOf(ask, record, { lacks, serial, randomBytes }), vault)
      } catch (error) {
        ask.close()
        throw error
      }
    },
    async requireConfigured(record) {
      if (record.provider !== 'pkcs11') return
      const recorded = tokenParameters.parse(record.parameters)
      requireSame('STRONGROOM_PKCS11_TOKEN', options.token, recorded.token)
      requireSame('STRONGROOM_ROOT_KEY_ID', options.label, recorded.label)
    },
    async open(record) {
      const ask = await connectToTokenOf(record)
      try {
        const key = keyOf(record)
        const { lacks, serial } = madeBy(await ask({ do: 'inspect', key }))
        // What a key has lacked from the beginning was reported then, and cannot be corrected.
        const mendable = key.known.made === 'before' ? lacks : []
        return await existingRootKey(record, cipherOf(ask, record, { lacks: mendable, serial, randomBytes }))
      } catch (error) {
        ask.close()
        throw error
      }
    },
    async discard({ id, parameters }) {
      const ask = await connectToTokenOf({ id, parameters })
      await ask({ do: 'destroy', id: Buffer.from(id) }).finally(() => ask.close())
    },
  }
}

const PIN_REFUSED =
  'the PKCS#11 token has refused the PIN, which is not tried again: put the right one into STRONGROOM_PKCS11_PIN_FILE and restart.'

function missing(option: string, meaning: string): RootKeyConfigError {
  return new RootKeyConfigError(`${option} must name ${meaning}.`)
}

/** @throws {RootKeyConfigError} when the option names something else than the record of the root key */
function requireSame(option: string, configured: string | undefined, recorded: string): void {
  if (configured === undefined || configured === recorded) return
  throw new RootKeyConfigError(
    `${option} is "${configured}", and the database names "${recorded}": bring back the right database, or correct the option.`,
  )
}

/**
 * Asks the token, by a process that is forked for the first request and again after any failure: after a lost session
 * there is a new process. A process that does not answer in time is killed.
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
      // Another token in its place later is found out, too.
      if ('serial' in answer) access.serial = answer.serial
      if (!('failed' in answer)) return answer
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
      // The process may be inside the library, where no signal reaches it.
      child.kill('SIGKILL')
    },
  }
}

/** The token's process does not keep a finished command from ending. */
function keepAliveOnlyWhileAsked(child: ChildProcess, requests: number): void {
  if (requests > 0) {
    child.ref()
    child.channel?.ref()
  } else {
    child.unref()
    child.channel?.unref()
  }
}
