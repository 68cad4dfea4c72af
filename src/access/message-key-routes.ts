import { z } from 'zod'
import { type Route, route } from '../http/route.ts'
import { publicMessageKeys } from '../keys/message-key.ts'
import type { Keys } from '../keys/ring/keys.ts'
import type { Caller } from './policy/caller.ts'

/** draft-meunier-webbotauth-httpsig-directory. */
const DIRECTORY_TYPE = 'application/http-message-signatures-directory+json'

const directorySchema = z
  .object({
    keys: z.array(
      z
        .object({
          kty: z.literal('OKP'),
          crv: z.literal('Ed25519'),
          x: z.string(),
          kid: z.string().describe('The SHA-256 thumbprint of the key (RFC 7638): the `keyid` of a signature'),
          use: z.literal('sig'),
          alg: z.literal('EdDSA'),
        })
        .meta({ id: 'MessageKey', description: 'A public key (RFC 7517, RFC 8037)' }),
    ),
  })
  .meta({ id: 'MessageKeyDirectory' })

/** The public keys of what the vault signs for third parties. */
export function createMessageKeyRoutes({ keys }: { keys: Pick<Keys, 'ring'> }): Route<Caller>[] {
  return [
    route({
      method: 'GET',
      path: '/.well-known/http-message-signatures-directory',
      operationId: 'getMessageKeys',
      tag: 'Vault',
      summary: 'The public keys of requests that the vault signs',
      description: `A JWK Set. The vault signs requests to third parties with Ed25519: HTTP message signatures (RFC 9421),
        whose \`keyid\` is the \`kid\` here, and JWTs. A new key is here a day before it signs, and an old one a day after
        it has signed for the last time.`,
      access: 'public',
      audited: false,
      answersOlder: true,
      responses: { 200: { description: 'a JWK Set', schema: directorySchema, contentType: DIRECTORY_TYPE } },
      handle: () => ({ status: 200, body: { keys: publicMessageKeys(keys) }, contentType: DIRECTORY_TYPE }),
    }),
  ]
}
