import { z } from 'zod'
import { type Route, route } from '../http/route.ts'
import { publicMessageKeys } from '../keys/message-key.ts'
import type { Keys } from '../keys/ring/keys.ts'
import { messageKeySchema } from './message-key-schema.ts'
import type { Caller } from './policy/caller.ts'

/** draft-meunier-webbotauth-httpsig-directory. */
const DIRECTORY_TYPE = 'application/http-message-signatures-directory+json'

const directorySchema = z.object({ keys: z.array(messageKeySchema) }).meta({ id: 'MessageKeyDirectory' })

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
