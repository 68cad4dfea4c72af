import { z } from 'zod'

/** What the vault publishes of a key that it signs for others with. */
export const messageKeySchema = z
  .object({
    kty: z.literal('OKP'),
    crv: z.literal('Ed25519'),
    x: z.string(),
    kid: z.string().describe('The SHA-256 thumbprint of the key (RFC 7638), by which a signature names it'),
    use: z.literal('sig'),
    alg: z.literal('EdDSA'),
  })
  .meta({ id: 'MessageKey', description: 'A public key (RFC 7517, RFC 8037)' })
