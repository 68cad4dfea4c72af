import { digestFacts } from '../../keys/sealing/row-facts.ts'

/** The facts of a record: what the shopper agreed to and was shown, and when the record and this version of it were made. */
export function recordFacts(record: {
  consents: readonly string[]
  policyVersion: string | undefined
  createdAt: Date
  updatedAt: Date
}): string {
  const { consents, policyVersion = null, createdAt, updatedAt } = record
  return digestFacts(['record', consents, policyVersion, Number(createdAt), Number(updatedAt)])
}

/** The facts of a replaced version: when it was replaced. With them it does not open in the place of a record. */
export function keptVersionFacts(replacedAt: Date): string {
  return digestFacts(['version', Number(replacedAt)])
}
