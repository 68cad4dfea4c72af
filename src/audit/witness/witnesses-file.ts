import path from 'node:path'
import { z } from 'zod'
import { ConfigError } from '../../config/config.ts'
import { readConfigFile, readConfigJson } from '../../config/read-config-file.ts'
import { COSIGNATURE, NoteError, type NoteVerifier, parseVerifierKey } from '../formats/signed-note.ts'

/** Where the checkpoints of the log go, so that its past is known outside the database, which its owner can change. */
export interface Shipping {
  /** The shortest interval between two deliveries to a target. */
  everySeconds: number
  targets: readonly Target[]
}

/** Each has a name of its own, by which the database knows how far it has come. */
export type Target = FileTarget | CommandTarget | UrlTarget | Witness

export interface FileTarget {
  kind: 'file'
  name: string
  file: string
}

export interface CommandTarget {
  kind: 'command'
  name: string
  program: string
  args: readonly string[]
}

export interface UrlTarget {
  kind: 'url'
  name: string
  url: string
  headers: Readonly<Record<string, string>>
  /** PEM: the only authority to trust; those of Node when undefined. */
  ca: string | undefined
}

/** A witness by C2SP tlog-witness: it signs what it has found to be a continuation of what it has seen before. */
export interface Witness {
  kind: 'witness'
  name: string
  /** The submission prefix. */
  url: string
  key: NoteVerifier
  ca: string | undefined
}

const DAY_SECONDS = 24 * 60 * 60

const httpsUrl = z
  .url({ protocol: /^https$/, error: 'expected a URL that begins with https://' })
  .refine((url) => !/#|\/\/[^/]*@/.test(url), 'expected a URL without user name, password and fragment')

const name = z.string().regex(/^[^\p{C}]{1,200}$/u, 'expected up to 200 characters')

const shipSchema = z
  .strictObject({
    name: name.optional(),
    file: z.string().min(1).optional(),
    command: z
      .array(z.string())
      .min(1)
      .refine(
        ([program]) => path.isAbsolute(program ?? ''),
        'expected the absolute path of a program, then its arguments',
      )
      .optional(),
    url: httpsUrl.optional(),
    headers: z.record(z.string().regex(/^[\w-]+$/), z.string().regex(/^[\x20-\x7e]*$/)).optional(),
    ca: z.string().min(1).optional(),
  })
  .refine(
    ({ file, command, url }) => [file, command, url].filter((one) => one !== undefined).length === 1,
    'expected one of file, command and url',
  )
  .refine(
    ({ url, headers, ca }) => url !== undefined || (headers === undefined && ca === undefined),
    'headers and ca belong to a url',
  )

const fileSchema = z.strictObject({
  ship: z.array(shipSchema).default([]),
  every_seconds: z.number().int().min(1).max(DAY_SECONDS).default(60),
  witnesses: z
    .array(z.strictObject({ name: name.optional(), url: httpsUrl, key: z.string(), ca: z.string().min(1).optional() }))
    .default([]),
})

/**
 * Reads the file of `STRONGROOM_AUDIT_WITNESSES_FILE`. Paths in it are taken from where it lies.
 *
 * @throws {ConfigError} one sentence that says where the file is wrong; it quotes nothing of it but names
 */
export async function loadShipping(file: string | undefined): Promise<Shipping | undefined> {
  if (file === undefined) return undefined
  const parsed = fileSchema.safeParse(await readConfigJson(file))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new ConfigError(`${file} is not usable at /${issue?.path.join('/') ?? ''}: ${issue?.message}.`)
  }
  const { ship, every_seconds, witnesses } = parsed.data
  const directory = path.dirname(file)
  const targets = [
    ...(await Promise.all(ship.map((one) => shipTarget(one, directory)))),
    ...(await Promise.all(
      witnesses.map((one, at) => witness(one, directory, `${file} is not usable at /witnesses/${at}`)),
    )),
  ]
  const names = targets.map((target) => target.name)
  const twice = names.find((one, at) => names.indexOf(one) !== at)
  if (twice !== undefined) throw new ConfigError(`${file} names two targets "${twice}": give each a "name" of its own.`)
  if (targets.length === 0) throw new ConfigError(`${file} names nothing to ship checkpoints to, and no witness.`)
  return { everySeconds: every_seconds, targets }
}

async function shipTarget(one: z.output<typeof shipSchema>, directory: string): Promise<Target> {
  const { file, command, url, headers = {}, ca } = one
  if (file !== undefined) {
    const resolved = path.resolve(directory, file)
    return { kind: 'file', name: one.name ?? resolved, file: resolved }
  }
  if (command !== undefined) {
    const [program = '', ...args] = command
    return { kind: 'command', name: one.name ?? program, program, args }
  }
  // A query may contain a secret, and the name is logged.
  return {
    kind: 'url',
    name: one.name ?? url!.replace(/\?.*/, ''),
    url: url!,
    headers,
    ca: await readCa(ca, directory),
  }
}

async function witness(
  one: z.output<typeof fileSchema>['witnesses'][number],
  directory: string,
  at: string,
): Promise<Witness> {
  const key = witnessKey(one.key, at)
  const url = one.url.replace(/\/+$/, '')
  return { kind: 'witness', name: one.name ?? key.name, url, key, ca: await readCa(one.ca, directory) }
}

function witnessKey(text: string, at: string): NoteVerifier {
  try {
    const key = parseVerifierKey(text)
    if (key.type === COSIGNATURE) return key
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    throw new ConfigError(`${at}/key: ${error.message}.`)
  }
  throw new ConfigError(`${at}/key: expected the key of a witness, which is of type 4 (C2SP tlog-cosignature).`)
}

async function readCa(ca: string | undefined, directory: string): Promise<string | undefined> {
  return ca === undefined ? undefined : readConfigFile(path.resolve(directory, ca))
}
