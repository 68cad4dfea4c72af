import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'
import { VaultError } from '../../values/vault-error.ts'
import { bytesOfBase64 } from './canonical-base64.ts'

/**
 * Signed notes, as C2SP signed-note (https://c2sp.org/signed-note) and Go's golang.org/x/mod/sumdb/note write them: a text, an
 * empty line, and a line for each signature.
 *
 *     text ending in a line break
 *
 *     — <name> base64(32 bits of key id │ signature)
 */

/** The types of signature that are known here: a note's own, and a witness's (https://c2sp.org/tlog-cosignature). */
const ED25519 = 1
export const COSIGNATURE = 4

/** A signer: the name, and the first 32 bits of the hash that the key is known by. */
export interface NoteVerifier {
  name: string
  keyId: Buffer
  type: number
  publicKey: KeyObject
}

export interface NoteSignature {
  name: string
  keyId: Buffer
  signature: Buffer
}

export interface SignedNote {
  /** With its last line break. */
  text: string
  signatures: readonly NoteSignature[]
}

/** The text is not a signed note. */
export class NoteError extends VaultError {
  override readonly name = 'NoteError'
}

/** What verifies under that name. @throws {NoteError} for a name that a note cannot have */
export function noteVerifier(name: string, publicKey: KeyObject, type = ED25519): NoteVerifier {
  if (!isName(name)) throw new NoteError('a name of a key holds no white space and no plus sign')
  return { name, type, publicKey, keyId: keyIdOf(name, type, rawPublicKey(publicKey)) }
}

/** `<name>+<key id in hexadecimal>+<base64 of type and key>`, the form in which a verifier's key is published. */
export function formatVerifierKey({ name, keyId, type, publicKey }: NoteVerifier): string {
  const key = Buffer.concat([Buffer.of(type), rawPublicKey(publicKey)]).toString('base64')
  return `${name}+${keyId.toString('hex')}+${key}`
}

/** @throws {NoteError} */
export function parseVerifierKey(text: string): NoteVerifier {
  const [name = '', id = '', ...rest] = text.trim().split('+')
  // The base64 may hold plus signs itself.
  const key = bytesOfBase64(rest.join('+'))
  if (!isName(name) || key === undefined || key.length !== 33) throw new NoteError('this is not a verifier key')
  const type = key[0]!
  if (type !== ED25519 && type !== COSIGNATURE) throw new NoteError(`keys of type ${type} are not known`)
  const raw = key.subarray(1)
  const keyId = keyIdOf(name, type, raw)
  if (keyId.toString('hex') !== id) throw new NoteError('the verifier key does not have the id that it states')
  return { name, keyId, type, publicKey: publicKeyFrom(raw) }
}

/** Signs a text that ends in a line break, under the name of the key. */
export function signNote(text: string, name: string, key: KeyObject): string {
  requireText(text)
  const { keyId } = noteVerifier(name, createPublicKey(key))
  return `${text}\n${formatSignature({ name, keyId, signature: sign(null, Buffer.from(text), key) })}`
}

export function formatSignature({ name, keyId, signature }: NoteSignature): string {
  return `\u2014 ${name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`
}

/** Takes a note apart; verifies nothing. @throws {NoteError} */
export function parseNote(note: string): SignedNote {
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n')) throw new NoteError('this is not a signed note')
  const text = note.slice(0, split + 1)
  requireText(text)
  return { text, signatures: parseSignatures(note.slice(split + 2)) }
}

/** Lines of signatures, as a witness answers with. @throws {NoteError} */
export function parseSignatures(lines: string): NoteSignature[] {
  const all = lines.split('\n').slice(0, -1).map(parseSignature)
  if (all.length === 0 || all.length > MAX_SIGNATURES || !lines.endsWith('\n')) {
    throw new NoteError('a signed note has signatures, one on each line')
  }
  return all
}

const MAX_SIGNATURES = 100

function parseSignature(line: string): NoteSignature {
  const [, name, base64 = ''] = /^\u2014 (\S+) (\S+)$/u.exec(line) ?? []
  const bytes = bytesOfBase64(base64)
  if (name === undefined || !isName(name) || bytes === undefined || bytes.length < 5) {
    throw new NoteError('a line of the note is not a signature')
  }
  return { name, keyId: bytes.subarray(0, 4), signature: bytes.subarray(4) }
}

/** Whether that key has signed the note itself. A signature that is the key's but does not verify counts as none. */
export function isSignedBy({ text, signatures }: SignedNote, { name, keyId, publicKey, type }: NoteVerifier): boolean {
  return (
    type === ED25519 &&
    signatures.some(
      (one) =>
        one.name === name && one.keyId.equals(keyId) && verify(null, Buffer.from(text), publicKey, one.signature),
    )
  )
}

/** When a witness has cosigned the note, in seconds since 1970; undefined when it has not. C2SP tlog-cosignature. */
export function cosignedAt({ text, signatures }: SignedNote, witness: NoteVerifier): number | undefined {
  const { name, keyId, publicKey, type } = witness
  if (type !== COSIGNATURE) return undefined
  for (const one of signatures) {
    if (one.name !== name || !one.keyId.equals(keyId) || one.signature.length !== 72) continue
    const time = Number(one.signature.readBigUInt64BE())
    const message = Buffer.from(`cosignature/v1\ntime ${time}\n${text}`)
    if (verify(null, message, publicKey, one.signature.subarray(8))) return time
  }
  return undefined
}

/** No white space, no plus sign, nothing that cannot be seen. */
function isName(name: string): boolean {
  return name !== '' && !/[\s+\p{C}]/u.test(name)
}

function requireText(text: string): void {
  if (!text.endsWith('\n') || /[\u0000-\u0009\u000b-\u001f\ufffd]/.test(text))
    throw new NoteError('this is not the text of a note')
}

function keyIdOf(name: string, type: number, raw: Buffer): Buffer {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(type), raw]), 'buffer').subarray(0, 4)
}

/** The 32 bytes of an Ed25519 public key (RFC 8032, section 5.1.5). */
export function rawPublicKey(publicKey: KeyObject): Buffer {
  return Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
}

/** An Ed25519 public key from its 32 bytes. */
export function publicKeyFrom(raw: Uint8Array): KeyObject {
  return createPublicKey({
    format: 'jwk',
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') },
  })
}
