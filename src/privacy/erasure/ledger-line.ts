import { hash, type KeyObject, sign, verify } from 'node:crypto'
import type { ErasureReason } from '../../records/change/erasure-ledger.ts'

/** One erasure, as the ledger says it. The token is not in it, so a line tells its readers nothing of a shopper. */
export interface LedgerEntry {
  /** SHA-256 of the token's text. */
  tokenHash: Buffer
  at: Date
  reason: ErasureReason
}

/** An entry with the vault that states it, and the signature that proves it (Ed25519, RFC 8032). */
export interface LedgerLine extends LedgerEntry {
  vault: string
  keyId: string
  signature: Buffer
}

export function hashOfToken(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}

/** A line, signed by the vault. It has no line break. */
export function signLine(entry: LedgerEntry, vault: string, key: { id: string; secret: KeyObject }): string {
  const signature = sign(null, signedText(entry, vault), key.secret)
  return `${statedText(entry, vault)} ${key.id} ${signature.toString('base64url')}`
}

const LINE =
  /^([0-9a-f]{64}) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (request|retention|consent-withdrawn) (vault_[0-9a-z]{26}) (key_[0-9a-z]{26}) ([\w-]{86})$/

/** Takes a line apart; verifies nothing. Undefined for any other text. */
export function parseLine(text: string): LedgerLine | undefined {
  const [, tokenHash = '', at = '', reason = '', vault = '', keyId = '', signature = ''] = LINE.exec(text) ?? []
  if (tokenHash === '' || Number.isNaN(Date.parse(at))) return undefined
  return {
    tokenHash: Buffer.from(tokenHash, 'hex'),
    at: new Date(at),
    reason: reason as ErasureReason,
    vault,
    keyId,
    signature: Buffer.from(signature, 'base64url'),
  }
}

export function isSignedBy(line: LedgerLine, publicKey: KeyObject): boolean {
  return verify(null, signedText(line, line.vault), publicKey, line.signature)
}

function statedText({ tokenHash, at, reason }: LedgerEntry, vault: string): string {
  return `${tokenHash.toString('hex')} ${at.toISOString()} ${reason} ${vault}`
}

/** The first line keeps the signature from being that of any other statement. */
function signedText(entry: LedgerEntry, vault: string): Buffer {
  return Buffer.from(`strongroom erasure ledger\n${statedText(entry, vault)}\n`)
}
