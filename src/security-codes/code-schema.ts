import { z } from 'zod'
import { readCode } from '../kinds/typed-card.ts'

const MAX_CHARACTERS = 40

/** Three or four digits of any script, as they are typed or pasted; ASCII digits come out. */
export const codeSchema = z
  .string()
  .max(MAX_CHARACTERS, { abort: true })
  .overwrite(readCode)
  .regex(/^[0-9]{3,4}$/)
  .meta({ description: 'The security code that is printed on the card', examples: ['123'], writeOnly: true })

export const keptCodeSchema = z
  .object({
    security_code: z
      .string()
      .meta({ description: 'The name of the code, for a forward', examples: ['cvc_0123456789abcdefghjkmnpqrs'] }),
    expires_at: z.iso.datetime().describe('Until when it can be used, in UTC'),
  })
  .meta({ id: 'KeptSecurityCode', description: 'The name of a security code that is kept for one use' })
