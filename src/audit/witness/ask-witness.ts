import type { Agent } from 'node:https'
import { VaultError } from '../../values/vault-error.ts'
import { cosignedAt, formatSignature, NoteError, parseNote, parseSignatures } from '../formats/signed-note.ts'
import { postText, Undelivered } from './post-text.ts'
import type { Witness } from './witnesses-file.ts'

/** The witness answered without a signature. An operator must find out why. */
export class Refused extends VaultError {
  override readonly name = 'Refused'
}

/** The witness has signed a log that this one does not contain: a longer one, or another of that size. */
export class SignedOther extends Refused {
  /** How many leaves the witness has signed, as it says. */
  readonly size: number
  /** Whether those are more than it was asked to sign. */
  readonly isLonger: boolean

  constructor(message: string, size: number, isLonger = false) {
    super(message)
    this.size = size
    this.isLonger = isLonger
  }
}

/** The signature line of a witness, which says that it has seen no other log. */
export interface Cosignature {
  signature: string
  cosignedAt: Date
}

export interface CheckpointToSign {
  size: number
  /** The signed note. */
  note: string
}

const CONFLICT = 409
const UNPROVEN = 422
const WHAT_A_REFUSAL_SAYS: Readonly<Record<number, string>> = {
  400: 'it finds the request malformed',
  403: 'it does not trust the key that signs the log: give it the verifier key',
  404: 'it does not know the log: give it the origin and the verifier key',
  [CONFLICT]: 'it has signed another log of the same size',
  [UNPROVEN]: 'the log does not continue what it has signed before',
}

/** The year 9999. */
const MAX_SECONDS = 253_402_300_800

/** The answers of two servers may cross. */
const ATTEMPTS = 3

/**
 * Has a witness sign a checkpoint, by C2SP tlog-witness `add-checkpoint`.
 *
 * @param from the size that the witness has signed last, as far as is known; it is asked when that is not so
 * @param proofFrom the consistency proof from an older size
 * @throws {Refused}
 * @throws {SignedOther}
 * @throws {Undelivered}
 */
export async function askWitness(
  { url, key, ca }: Witness,
  { size, note }: CheckpointToSign,
  from: number,
  proofFrom: (older: number) => Promise<readonly Buffer[]>,
  agent?: Agent,
  attempts = ATTEMPTS,
): Promise<Cosignature> {
  let old = Math.min(from, size)
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const proof = (await proofFrom(old)).map((hash) => `${hash.toString('base64')}\n`).join('')
    const answer = await postText({ url: `${url}/add-checkpoint`, ca, agent, body: `old ${old}\n${proof}\n${note}` })
    if (answer.status === 200) return cosignatureIn(answer.text, note, key)
    const known = answer.status === CONFLICT ? sizeIn(answer.text) : undefined
    if (known !== undefined && known > size)
      throw new SignedOther(`it has signed ${known} leaves: the log has only ${size}`, known, true)
    if (known !== undefined && known === old) throw new SignedOther(WHAT_A_REFUSAL_SAYS[CONFLICT]!, known)
    if (answer.status === UNPROVEN && old > 0) throw new SignedOther(WHAT_A_REFUSAL_SAYS[UNPROVEN]!, old)
    if (known === undefined) throw refusal(answer.status)
    old = known
  }
  throw new Undelivered('it changes its mind about what it has signed')
}

function cosignatureIn(lines: string, note: string, key: Witness['key']): Cosignature {
  const { text } = parseNote(note)
  try {
    for (const one of parseSignatures(lines)) {
      const seconds = cosignedAt({ text, signatures: [one] }, key)
      if (seconds !== undefined && seconds < MAX_SECONDS) {
        return { signature: formatSignature(one), cosignedAt: new Date(seconds * 1000) }
      }
    }
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
  }
  throw new Refused('its answer holds no signature of its key over the checkpoint')
}

function sizeIn(text: string): number | undefined {
  return /^(0|[1-9]\d{0,14})\n$/.test(text) ? Number(text) : undefined
}

function refusal(status: number): Error {
  const reason = WHAT_A_REFUSAL_SAYS[status]
  return reason === undefined ? new Undelivered(`answered ${status}`) : new Refused(reason)
}
