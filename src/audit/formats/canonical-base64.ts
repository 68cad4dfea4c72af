/**
 * The bytes of a text in standard base64 with padding (RFC 4648 section 4); undefined unless it is the canonical
 * spelling. A second spelling of a signature, a root or a proof would be a second document that verifies.
 */
export function bytesOfBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

/** The same for the 32 bytes of a SHA-256 hash or of an Ed25519 key. */
export function hashOfBase64(text: string): Buffer | undefined {
  const bytes = bytesOfBase64(text)
  return bytes?.length === 32 ? bytes : undefined
}
