import { type InputError, Problem } from '../../values/problem.ts'
import { type Destination, isCode, pathParameters, roleOf } from '../destination.ts'
import { HEADER_VALUE } from '../header-name.ts'
import type { InputLeaf, Leaf } from '../template.ts'
import { UnusableSecret } from '../unusable-secret.ts'
import { type CallerInput, checkInput } from './check-input.ts'
import { contentTypeOf, encodeBody } from './encode-body.ts'
import { fillTemplate, LEFT_OUT, type TakeValue } from './fill-template.ts'
import { type Records, recordValue } from './record-value.ts'
import { signRequest } from './sign-request.ts'
import { textOf } from './signing-key.ts'
import type { SignDeps, UnsignedRequest } from './unsigned-request.ts'

/** What a request is filled with: opened records, the security code, and what the caller sends. */
export interface Filling extends CallerInput {
  records: Records
  code?: string | undefined
}

/** A request as it is sent. It holds plaintext. */
export interface BuiltRequest extends UnsignedRequest {
  /** The only authorities that are trusted, in PEM. */
  ca?: string | undefined
  /** What the vault shows of itself, in PEM. */
  certificate?: { cert: string; key: string } | undefined
  /** What must not come back in an answer. */
  secrets: readonly Buffer[]
}

export interface BuildDeps extends Omit<SignDeps, 'secretOf'> {
  /**
   * The secrets that a destination names, by their names.
   *
   * @throws {UnusableSecret} for a secret that was changed outside the vault
   */
  openSecrets(destination: Destination): Promise<ReadonlyMap<string, string>>
}

/**
 * Builds the request for a destination: the template filled, encoded, and signed last. The caller's input was checked
 * before, and is checked once more here.
 *
 * @throws {Problem} invalid-input, unknown-member, card-number-in-text
 * @throws {UnusableSecret}
 */
export async function buildRequest(deps: BuildDeps, destination: Destination, filling: Filling): Promise<BuiltRequest> {
  const { method, input, headers: callers } = checkInput(destination, filling)
  const secrets = await deps.openSecrets(destination)
  const secretOf = (name: string) => {
    const secret = secrets.get(name)
    if (secret === undefined) throw new UnusableSecret(`the secret ${name} is not there.`)
    return secret
  }
  const filled = fillTemplate(destination.template, valuesOf({ ...filling, input }, secretOf))
  const own = Object.entries(destination.headers).map(([name, text]) => [name, textOf(secretOf, text)] as const)
  const request: UnsignedRequest = {
    method,
    origin: destination.origin,
    path: pathOf(destination, input),
    headers: [...typeHeader(destination), ...own, ...Object.entries(callers)],
    body: encodeBody(destination, filled),
  }
  const built = { request, certificate: undefined as BuiltRequest['certificate'], credentials: [] as string[] }
  for (const signer of destination.sign) {
    const {
      headers = [],
      certificate,
      credentials = [],
    } = await signRequest({ ...deps, secretOf }, signer, built.request)
    built.request = { ...built.request, headers: [...built.request.headers, ...headers] }
    built.certificate = certificate ?? built.certificate
    built.credentials.push(...credentials)
  }
  const unfit = built.request.headers.find(([, value]) => !HEADER_VALUE.test(value))
  if (unfit) throw new UnusableSecret(`a secret of the header ${unfit[0]} has characters that no header carries.`)
  return {
    ...built.request,
    ca: destination.ca,
    certificate: built.certificate,
    secrets: [...secrets.values(), ...built.credentials].map((secret) => Buffer.from(secret, 'utf8')),
  }
}

/** The media type of the encoding, unless the destination has one of its own. */
export function typeHeader(destination: Pick<Destination, 'encoding' | 'headers'>): [string, string][] {
  const isOwn = Object.keys(destination.headers).some((name) => name.toLowerCase() === 'content-type')
  return isOwn ? [] : [['Content-Type', contentTypeOf(destination)]]
}

/** The path with its parameters, each of which was checked to be part of one segment. */
export function pathOf({ path }: Pick<Destination, 'path'>, input: Readonly<Record<string, unknown>>): string {
  return pathParameters(path).reduce((filled, name) => filled.replace(`{${name}}`, () => String(input[name])), path)
}

function valuesOf({ records, code, input }: Filling, secretOf: (name: string) => string): TakeValue {
  return (leaf) => {
    if ('$secret' in leaf) return secretOf(leaf.$secret)
    const value = '$in' in leaf ? inputOf(leaf, input[leaf.$in]) : recordValue(leaf, records, code)
    if (value !== undefined) return value
    if (leaf.optional) return LEFT_OUT
    throw new Problem('invalid-input', { errors: [missing(leaf, records)] })
  }
}

/** A decimal comes as text, so that nothing is rounded on its way. */
function inputOf(leaf: InputLeaf, value: unknown): string | number | boolean | undefined {
  if (value === undefined) return undefined
  return leaf.type === 'decimal' && leaf.as === 'number' ? Number(value) : (value as string | number | boolean)
}

/** Says what the destination needs. */
export function missing(leaf: Leaf, records: Readonly<Records>): InputError {
  const role = roleOf(leaf)
  if (isCode(leaf)) return { pointer: '#/security_code', detail: 'the destination needs a security code' }
  if (role === undefined) return { pointer: '#/input', detail: 'the destination needs another input' }
  const pointer = `#/tokens/${role}`
  if (records[role] === undefined) return { pointer, detail: 'the destination needs this token' }
  const field = Object.values(leaf)[0] as string
  return { pointer, detail: `the destination needs the ${field} of this record, which has none` }
}
