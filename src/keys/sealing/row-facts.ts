import { hash } from 'node:crypto'

/**
 * The digest of what a row says in the clear and its sealed values are bound to: an attacker who can only write to the database
 * cannot change one without the other. It is SHA-256 over the list as JSON, in base64: of fixed length, since a row may say
 * anything once somebody else has written it. A time of PostgreSQL that is none (infinity) is null.
 */
export function digestFacts(facts: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(facts), 'base64')
}
