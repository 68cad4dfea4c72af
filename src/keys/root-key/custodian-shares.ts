import { createHash, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { combine, split } from 'shamir-secret-sharing'
import { z } from 'zod'
import { drawFresh, type RandomBytes } from '../../values/random.ts'
import { VaultError } from '../../values/vault-error.ts'
import { localCipher } from './local-cipher.ts'
import {
  type RootKey,
  RootKeyConfigError,
  RootKeyMismatch,
  type RootKeyProvider,
  type RootKeyRecord,
  RootKeyUnreachable,
} from './root-key.ts'
import { existingRootKey, newRootKey } from './root-key-check.ts'
import { ceremonyOf, formatShare, parseShare, type Share } from './share-text.ts'

/** Dual control: no one person. PCI DSS 3.7.6. */
export const MIN_THRESHOLD = 2
/** As few custodians as necessary: PCI DSS 3.6.1.3. */
export const MAX_SHARES = 10
const KEY_BYTES = 32
/** How long shares that are too few stay in memory. */
const COLLECT_WITHIN_MS = 15 * 60 * 1000

const custodianSchema = z.object({
  number: z.number().int(),
  name: z.string(),
  acknowledged_at: z.string(),
  /**
   * SHA-256 over the share, which is random: distinguishes a wrong share from a right one, and reveals nothing else.
   */
  check: z.string(),
})
const parametersSchema = z.object({
  threshold: z.number().int().min(MIN_THRESHOLD),
  custodians: z.array(custodianSchema).min(MIN_THRESHOLD).max(MAX_SHARES),
})

/** A custodian of the new root key, and the share to hand to them. */
export interface NewShare {
  custodian: string
  text: string
}

export interface Ceremony {
  shares: readonly NewShare[]
  /**
   * The root key, once every custodian has acknowledged. @param acknowledgedAt in the order of the shares
   */
  complete(acknowledgedAt: readonly Date[]): Promise<RootKey>
}

/** A root key that custodians put together. Only they can open it again, so a server hands it to its workers. */
export interface CombinedRootKey extends RootKey {
  readonly secret: KeyObject
}

/** The root key can be put together by any `threshold` of the custodians, and by no fewer. */
export function createCustodianSharesProvider(): RootKeyProvider {
  return {
    name: 'custodian-shares',
    canGoAway: false,
    create: () =>
      Promise.reject(
        new RootKeyUnreachable(
          'the vault has no root key yet, and its custodians make it together: run "strongroom keys ceremony"',
        ),
      ),
    open: (record) =>
      Promise.reject(
        new RootKeyUnreachable(`the vault waits for ${thresholdOf(record)} custodians: run "strongroom unseal"`),
      ),
  }
}

/** How many shares a root key needs. */
function thresholdOf(record: RootKeyRecord): number {
  return parametersSchema.parse(record.parameters).threshold
}

/**
 * Makes a root key of 256 bits and splits it (Shamir, over GF(2⁸)) into full-length shares, of which fewer than the
 * threshold say nothing about it.
 *
 * @throws {RootKeyConfigError} when the numbers or the names are not acceptable
 */
export async function beginCeremony(
  id: string,
  { custodians, threshold }: { custodians: readonly string[]; threshold: number },
  randomBytes: RandomBytes,
  vault?: string,
): Promise<Ceremony> {
  requireSplit(custodians, threshold)
  // The package takes plain arrays of bytes only, no buffers.
  const drawn = drawFresh(KEY_BYTES)
  const key = Uint8Array.from(drawn)
  drawn.fill(0)
  const parts = (await split(key, custodians.length, threshold)).map((bytes) => Buffer.from(bytes))
  const secret = createSecretKey(key)
  key.fill(0)
  const ceremony = ceremonyOf(id)
  const shares = parts.map((bytes, at) => ({ number: at + 1, ceremony, bytes }))
  return {
    shares: shares.map((share, at) => ({ custodian: custodians[at]!, text: formatShare(share) })),
    async complete(acknowledgedAt) {
      if (acknowledgedAt.length !== custodians.length) throw new Error('a custodian has not acknowledged')
      const parameters = {
        threshold,
        custodians: shares.map((share, at) => ({
          number: share.number,
          name: custodians[at]!,
          acknowledged_at: acknowledgedAt[at]!.toISOString(),
          check: checkOf(share).toString('base64url'),
        })),
      }
      for (const { bytes } of shares) bytes.fill(0)
      const record = { id, provider: 'custodian-shares', parameters }
      return newRootKey(record, localCipher('custodian-shares', { id, secret }, randomBytes), vault)
    },
  }
}

/** Whether that many custodians, with that many of them needed, are possible. @throws {RootKeyConfigError} */
export function requireSplitSizes(shares: number, threshold: number): void {
  const said =
    shares > MAX_SHARES
      ? `at most ${MAX_SHARES} custodians hold shares`
      : threshold < MIN_THRESHOLD
        ? `at least ${MIN_THRESHOLD} custodians must be needed together`
        : threshold > shares
          ? 'the number of needed custodians cannot be larger than the number of shares'
          : undefined
  if (said !== undefined) throw new RootKeyConfigError(`${said}.`)
}

/** @throws {RootKeyConfigError} */
function requireSplit(custodians: readonly string[], threshold: number): void {
  requireSplitSizes(custodians.length, threshold)
  const distinct = new Set(
    custodians.map((name) => name.normalize('NFKC').trim().toLowerCase().replaceAll(/\s+/g, ' ')),
  )
  if (distinct.size < custodians.length) throw new RootKeyConfigError('every custodian must be another person.')
}

/** The share is refused. The error does not say why, and nothing was changed. */
export class ShareRefused extends VaultError {
  override readonly name = 'ShareRefused'

  constructor() {
    super('the share was not accepted: it is not of this root key, or was given already')
  }
}

/** Gathers shares of one root key until there are enough. An incomplete set is forgotten after a while. */
export interface ShareCollection {
  readonly given: number
  readonly needed: number
  /**
   * Takes one share; answers with the root key when it was the last that was needed, and forgets the shares.
   *
   * @throws {ShareRefused}
   */
  add(text: string): Promise<CombinedRootKey | undefined>
  forget(): void
}

export function createShareCollection(record: RootKeyRecord, randomBytes: RandomBytes): ShareCollection {
  const { threshold, custodians } = parametersSchema.parse(record.parameters)
  const held = new Map<number, Buffer>()
  let timer: NodeJS.Timeout | undefined

  const forget = () => {
    clearTimeout(timer)
    for (const bytes of held.values()) bytes.fill(0)
    held.clear()
  }
  const isRight = (share: Share) => {
    const known = custodians.find(({ number }) => number === share.number)
    return (
      share.ceremony === ceremonyOf(record.id) &&
      known !== undefined &&
      timingSafeEqual(Buffer.from(known.check, 'base64url'), checkOf(share))
    )
  }
  return {
    get given() {
      return held.size
    },
    needed: threshold,
    forget,
    async add(text) {
      const share = parseShare(text)
      if (share === undefined || held.has(share.number) || !isRight(share)) throw new ShareRefused()
      if (held.size === 0) timer = setTimeout(forget, COLLECT_WITHIN_MS).unref()
      held.set(share.number, share.bytes)
      if (held.size < threshold) return undefined
      try {
        return await rootKeyOf([...held.values()], record, randomBytes)
      } catch (error) {
        // The record was changed: its shares are not those of its check value.
        if (error instanceof RootKeyMismatch) throw new ShareRefused()
        throw error
      } finally {
        forget()
      }
    },
  }
}

async function rootKeyOf(
  shares: readonly Buffer[],
  record: RootKeyRecord,
  randomBytes: RandomBytes,
): Promise<CombinedRootKey> {
  const plain = shares.map((bytes) => Uint8Array.from(bytes))
  const key = await combine(plain)
  for (const bytes of plain) bytes.fill(0)
  return combinedRootKey(key, record, randomBytes)
}

/** The root key of these bytes, which are wiped. @throws {RootKeyMismatch} */
export async function combinedRootKey(
  key: Uint8Array,
  record: RootKeyRecord,
  randomBytes: RandomBytes,
): Promise<CombinedRootKey> {
  const secret = createSecretKey(key)
  key.fill(0)
  const cipher = localCipher('custodian-shares', { id: record.id, secret }, randomBytes)
  return { ...(await existingRootKey(record, cipher)), secret }
}

function checkOf({ number, ceremony, bytes }: Share): Buffer {
  return createHash('sha256').update(`strongroom share ${number} ${ceremony} `).update(bytes).digest()
}
