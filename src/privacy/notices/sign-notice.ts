import { sign } from 'node:crypto'
import type { Receiver } from '../../destinations/receiver.ts'
import type { MessageKey } from '../../keys/message-key.ts'
import { digestField, messageBase } from '../../values/message-base.ts'

const CONTENT_TYPE = 'application/json'
const COVERED = '("@method" "@target-uri" "content-digest" "content-type")'

/**
 * The headers of a signed POST (RFC 9421): a digest of its body (RFC 9530), and a signature over that, the method, the URL and the
 * media type. The receiver finds the public key in the directory of the vault, by `keyid`.
 */
export function signNotice(
  { key, keyid }: MessageKey,
  { url }: Pick<Receiver, 'url'>,
  body: Buffer,
  { now, tag }: { now: Date; tag: string },
): [name: string, value: string][] {
  const digest = digestField(body)
  const created = Math.floor(now.getTime() / 1000)
  const params = `${COVERED};created=${created};alg="ed25519";keyid="${keyid}";tag="${tag}"`
  const covered = [
    ['"@method"', 'POST'],
    ['"@target-uri"', url],
    ['"content-digest"', digest],
    ['"content-type"', CONTENT_TYPE],
  ] as const
  const base = messageBase(covered, params)
  const signature = sign(null, Buffer.from(base, 'utf8'), key).toString('base64')
  return [
    ['Content-Type', CONTENT_TYPE],
    ['Content-Digest', digest],
    ['Signature-Input', `sig1=${params}`],
    ['Signature', `sig1=:${signature}:`],
  ]
}
