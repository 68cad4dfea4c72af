import { hash } from 'node:crypto'

/**
 * What a row says in the clear and its sealed values are bound to: whoever can only write to the database cannot change one
 * without the other. A digest of fixed length, since a row may say anything once somebody else has written it.
 */

/** The facts of a record: what the shopper agreed to and was shown, and when the record and this version of it were made. */
export function recordFacts(record: {
  consents: readonly string[]
  policyVersion: string | undefined
  createdAt: Date
  updatedAt: Date
}): string {
  const { consents, policyVersion = null, createdAt, updatedAt } = record
  return digestOf(['record', consents, policyVersion, Number(createdAt), Number(updatedAt)])
}

/** The facts of a version that was replaced: since when it is history. They keep it out of the place of a record. */
export function keptVersionFacts(replacedAt: Date): string {
  return digestOf(['version', Number(replacedAt)])
}

/** The facts of a kept answer: which request it is the answer to, under which index key, and until when. */
export function answerFacts(answer: { requestHash: Buffer; indexKeyId: string; expiresAt: Date }): string {
  const { requestHash, indexKeyId, expiresAt } = answer
  return digestOf(['answer', requestHash.toString('hex'), indexKeyId, Number(expiresAt)])
}

/** SHA-256 over the list as JSON, in base64. A time of PostgreSQL that is none (infinity) is null. */
function digestOf(facts: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(facts), 'base64')
}
