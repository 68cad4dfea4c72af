import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPkcs11Provider } from '../../src/keys/root-key/pkcs11.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { keysIn, type Token, withToken } from '../support/in-token.ts'
import { createSoftHsm, type SoftHsm, softHsmIsMissing } from '../support/soft-hsm.ts'
import { without } from '../support/without.ts'

const missing = softHsmIsMissing()

const ID = 'root_attacked'
/** CKR_ACTION_PROHIBITED, whose name pkcs11js does not know. */
const ACTION_PROHIBITED = /^CKR_\w+:27$/

/** A person who knows the PIN can have the root key encrypt and decrypt, as the vault can. It must not give more than that. */
describe.skipIf(missing)(`the root key in a token, to a person who knows the PIN${without(missing)}`, () => {
  let hsm: SoftHsm
  beforeAll(async () => {
    hsm = createSoftHsm()
    Object.assign(process.env, hsm.env)
    const { module, token, pinFile } = hsm
    const provider = createPkcs11Provider({ module, token, label: 'key', pinFile, randomBytes: createRandomBytes() })
    const rootKey = await provider.create(ID)
    rootKey.close?.()
  })
  afterAll(() => {
    delete process.env.SOFTHSM2_CONF
    hsm.remove()
  })
  const attack = <T>(work: (token: Token, rootKey: Buffer) => T) =>
    withToken(hsm, (token) => work(token, keysIn(token, ID)[0]!))
  const cbc = ({ pkcs11 }: Token) => ({ mechanism: pkcs11.CKM_AES_CBC, parameter: Buffer.alloc(16, 7) })

  it('gets no other key out of the token, by wrapping and then decrypting it', () => {
    attack((token, rootKey) => {
      const { pkcs11, library, session } = token
      const victim = library.C_GenerateKey(session, { mechanism: pkcs11.CKM_AES_KEY_GEN }, [
        { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
        { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_AES },
        { type: pkcs11.CKA_VALUE_LEN, value: 32 },
        { type: pkcs11.CKA_SENSITIVE, value: true },
        { type: pkcs11.CKA_EXTRACTABLE, value: true },
      ])
      const wrap = () => library.C_WrapKey(session, cbc(token), rootKey, victim, Buffer.alloc(64))
      expect(wrap).toThrow('CKR_KEY_FUNCTION_NOT_PERMITTED')
    })
  })

  it('takes no known key into the token, by encrypting and then unwrapping it', () => {
    attack((token, rootKey) => {
      const { pkcs11, library, session } = token
      const mechanism = { mechanism: pkcs11.CKM_AES_KEY_WRAP }
      const template = [
        { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
        { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_AES },
      ]
      const unwrap = () => library.C_UnwrapKey(session, mechanism, rootKey, randomBytes(40), template)
      expect(unwrap).toThrow('CKR_KEY_FUNCTION_NOT_PERMITTED')
    })
  })

  it('is not given these uses afterwards, nor is a copy of it', () => {
    attack(({ pkcs11, library, session }, rootKey) => {
      for (const type of [pkcs11.CKA_WRAP, pkcs11.CKA_UNWRAP]) {
        const wider = [{ type, value: true }]
        expect(() => library.C_SetAttributeValue(session, rootKey, wider)).toThrow(ACTION_PROHIBITED)
        expect(() => library.C_CopyObject(session, rootKey, wider)).toThrow(ACTION_PROHIBITED)
      }
    })
  })
})
