const PREFIX = 'staff:'

/** A member of staff named by an identity provider: `staff:<provider>/<sub>`. */
const FROM_ISSUER = /^staff:[a-z0-9-]+\//

/**
 * The one spelling of a name that an operator typed: NFKC (Unicode UAX #15), lower case, no white space at its ends. Two
 * names that a reader takes for one are then one.
 */
export function normaliseName(name: string): string {
  // Lower case can undo the composition, so it is composed again.
  return name.normalize('NFKC').toLowerCase().normalize('NFKC').trim()
}

/** Whether an identity provider, and not the vault's own command line, gave that id. */
export function isFromIssuer(id: string): boolean {
  return FROM_ISSUER.test(id)
}

/**
 * The id of a member of staff as it is stored. A name that was typed has one spelling; the `sub` of a provider stays as it
 * is, for only the provider knows which of its ids are equal. Any other id is returned unchanged.
 */
export function staffId(id: string): string {
  return id.startsWith(PREFIX) && !isFromIssuer(id) ? foldedId(id) : id
}

/** The form by which two ids of staff are compared; not an id itself. Any other id is returned unchanged. */
export function foldedId(id: string): string {
  return id.startsWith(PREFIX) ? `${PREFIX}${normaliseName(id.slice(PREFIX.length))}` : id
}

/** Whether two ids name one person, however each is written. */
export function isSamePerson(one: string, other: string): boolean {
  return foldedId(one) === foldedId(other)
}
