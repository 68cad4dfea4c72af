import { createHash } from 'node:crypto'
import { base32, bytesOfBase32 } from '../../values/identifier.ts'

/** One custodian's part of a root key. */
export interface Share {
  /** Which of the shares it is, from 1. */
  number: number
  /** The ceremony that made it. */
  ceremony: string
  /** What the shares are combined from: 33 bytes. */
  bytes: Buffer
}

const SHARE_BYTES = 33
/** With the share 36 bytes, which leave no bits over in base32. */
const CHECKSUM_BYTES = 3
const CEREMONY_LENGTH = 8
const PAYLOAD_LENGTH = 58
const GROUP = /.{1,6}/g

/** The ceremony of a root key: the end of its id, which is random. */
export function ceremonyOf(rootKeyId: string): string {
  return rootKeyId.slice(-CEREMONY_LENGTH)
}

/**
 * A share as its custodian writes it down: `strongroom-share-<number>-<ceremony>-<groups>`. The groups are Crockford's
 * base32 of the share and a checksum over everything, which finds typing errors.
 */
export function formatShare(share: Share): string {
  const payload = base32(Buffer.concat([share.bytes, checksum(share)]))
  return `strongroom-share-${share.number}-${share.ceremony}-${payload.match(GROUP)!.join('-')}`
}

/**
 * Reads what was typed: letters of either case, spaces and dashes anywhere, o for 0, i and l for 1.
 *
 * @returns undefined when it is not a share, or mistyped
 */
export function parseShare(text: string): Share | undefined {
  const typed = normalise(text)
  const tail = CEREMONY_LENGTH + PAYLOAD_LENGTH
  const head = typed.slice(0, -tail)
  const number = Number(/^str0ngr00mshare([1-9]\d?)$/.exec(head)?.[1])
  const bytes = bytesOfBase32(typed.slice(-PAYLOAD_LENGTH))
  if (!Number.isInteger(number) || bytes === undefined) return undefined
  const share = { number, ceremony: typed.slice(-tail, -PAYLOAD_LENGTH), bytes: bytes.subarray(0, SHARE_BYTES) }
  return bytes.subarray(SHARE_BYTES).equals(checksum(share)) ? share : undefined
}

function normalise(text: string): string {
  return text.toLowerCase().replaceAll(/[\s-]/g, '').replaceAll('o', '0').replaceAll(/[il]/g, '1')
}

function checksum({ number, ceremony, bytes }: Share): Buffer {
  return createHash('sha256').update(`${number} ${ceremony} `).update(bytes).digest().subarray(0, CHECKSUM_BYTES)
}
