import { hash } from 'node:crypto'

/**
 * The digest of the clear facts of a row to which its sealed values are bound: an attacker who can only write to the
 * database cannot change one without the other. It is SHA-256 over the list as JSON, in base64: of fixed length, since
 * a forged row may say anything. An infinite time of PostgreSQL is null.
 */
export function digestFacts(facts: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(facts), 'base64')
}
