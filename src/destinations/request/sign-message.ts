import { constants, createHmac, type KeyObject, sign } from 'node:crypto'
import { digestField, messageBase } from '../../values/message-base.ts'
import type { MessageAlgorithm, MessageSignature } from '../signer.ts'
import { UnusableSecret } from '../unusable-secret.ts'
import { privateKeyOf, sharedKeyOf, textOf } from './signing-key.ts'
import type { SignDeps, Signed, UnsignedRequest } from './unsigned-request.ts'

const DEFAULT_COMPONENTS = ['@method', '@target-uri', 'content-digest', 'content-type'] as const

/**
 * Signs a request by RFC 9421. The digest of the body (RFC 9530) is a header of its own, and the signature covers it, so
 * a changed body no longer fits.
 */
export async function signMessage(deps: SignDeps, signer: MessageSignature, request: UnsignedRequest): Promise<Signed> {
  const { components = DEFAULT_COMPONENTS, label = 'sig1', tag, expires_seconds } = signer
  const digest: [string, string] = ['Content-Digest', digestField(request.body)]
  const { key, keyid, algorithm } = await keyFor(deps, signer)
  const created = Math.floor(deps.now().getTime() / 1000)
  const facts: [string, string | number | undefined][] = [
    ['created', created],
    ['expires', expires_seconds && created + expires_seconds],
    ['nonce', deps.newId('sig')],
    ['alg', algorithm],
    ['keyid', keyid],
    ['tag', tag],
  ]
  const covered = components.map((name) => name.toLowerCase())
  const params = `(${covered.map(sfString).join(' ')})${facts.map(([name, value]) => parameter(name, value)).join('')}`
  const base = signatureBase({ ...request, headers: [...request.headers, digest] }, covered, params)
  const signature = signatureOf(algorithm, key, base).toString('base64')
  return {
    headers: [digest, ['Signature-Input', `${label}=${params}`], ['Signature', `${label}=:${signature}:`]],
  }
}

/** RFC 9421 section 2.5. */
export function signatureBase(request: UnsignedRequest, covered: readonly string[], params: string): string {
  return messageBase(
    covered.map((name) => [sfString(name), componentOf(request, name)]),
    params,
  )
}

function componentOf({ method, origin, path, headers }: UnsignedRequest, name: string): string {
  const { host, protocol } = new URL(origin)
  switch (name) {
    case '@method':
      return method
    case '@target-uri':
      return `${origin}${path}`
    case '@authority':
      return host
    case '@scheme':
      return protocol.slice(0, -1)
    case '@request-target':
    case '@path':
      return path
    default:
      return headers
        .filter(([header]) => header.toLowerCase() === name)
        .map(([, value]) => value.trim())
        .join(', ')
  }
}

async function keyFor(
  { secretOf, messageKey }: SignDeps,
  signer: MessageSignature,
): Promise<{ key: KeyObject; keyid: string; algorithm: MessageAlgorithm }> {
  if ('key' in signer) return { ...(await messageKey()), algorithm: 'ed25519' }
  const { secret, algorithm = 'ed25519' } = signer
  const value = secretOf(secret)
  const key = algorithm === 'hmac-sha256' ? sharedKeyOf(secret, value, 'base64') : privateKeyOf(secret, value)
  const type = KEY_TYPES[algorithm]
  if (type !== undefined && key.asymmetricKeyType !== type) {
    throw new UnusableSecret(`the secret ${secret} is not a key for ${algorithm}.`)
  }
  return { key, keyid: textOf(secretOf, signer.key_id), algorithm }
}

const KEY_TYPES: Readonly<Record<MessageAlgorithm, string | undefined>> = {
  ed25519: 'ed25519',
  'ecdsa-p256-sha256': 'ec',
  'rsa-pss-sha512': 'rsa',
  'hmac-sha256': undefined,
}

/** RFC 9421 section 3.3. */
export function signatureOf(algorithm: MessageAlgorithm, key: KeyObject, base: string): Buffer {
  const bytes = Buffer.from(base, 'utf8')
  switch (algorithm) {
    case 'ed25519':
      return sign(null, bytes, key)
    case 'ecdsa-p256-sha256':
      return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' })
    case 'rsa-pss-sha512':
      return sign('sha512', bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 })
    case 'hmac-sha256':
      return createHmac('sha256', key).update(bytes).digest()
  }
}

function parameter(name: string, value: string | number | undefined): string {
  if (value === undefined) return ''
  return `;${name}=${typeof value === 'number' ? value : sfString(value)}`
}

/** A string of structured fields (RFC 9651 section 3.3.3). */
function sfString(value: string): string {
  return `"${value.replaceAll(/["\\]/g, '\\$&')}"`
}
