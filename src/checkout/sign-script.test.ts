import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import type { ScriptKey } from '../keys/script-keys.ts'
import { Problem } from '../values/problem.ts'
import { createScriptSigner, signScript } from './sign-script.ts'

// https://www.rfc-editor.org/rfc/rfc9421.html#appendix-B.1.4
const rfcKey = {
  key: createPrivateKey(`-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----`),
  publicKey: 'JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=',
  signsUntil: undefined,
}
const BODY = Buffer.from('{"hello": "world"}')

describe('the signature of a script', () => {
  it('is the one of the specification', () => {
    // https://wicg.github.io/signature-based-sri/#examples
    const digest = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:'
    expect(signScript(BODY, [rfcKey])).toEqual({
      'unencoded-digest': digest,
      'signature-input': `sig1=("unencoded-digest";sf);keyid="${rfcKey.publicKey}";tag="ed25519-integrity"`,
      signature: 'sig1=:SbCdPUyjc0IBJjFbVRWs81ucEUcFz87b37nQ63d6kDW+/JvDmET6O5cSdwlddePvlwemLdaWFuY6pQGO+hrkAg==:',
    })
  })
})

describe('the signer of a script', () => {
  const other = { ...rfcKey, key: generateKeyPairSync('ed25519').privateKey, publicKey: 'other' }
  const signerOf = (found: { now: () => readonly ScriptKey[] }) => {
    const toSign = vi.fn(async () => found.now())
    return { toSign, sign: createScriptSigner({ signing: () => found.now(), toSign }, async () => BODY) }
  }

  it('signs once for the keys, and again when they change', async () => {
    let keys: readonly ScriptKey[] = [rfcKey]
    const { sign, toSign } = signerOf({ now: () => keys })
    const first = await sign()
    expect(await sign()).toBe(first)
    keys = [other, rfcKey]
    const both = await sign()
    expect(both?.signature).toMatch(/^sig1=:.+:, sig2=:SbCdPU.+:$/)
    expect(both?.['signature-input']).toMatch(/^sig1=.+keyid="other".+, sig2=.+keyid="JrQL.+$/)
    await sign()
    expect(toSign).toHaveBeenCalledTimes(2)
  })

  it('signs nothing while the keys cannot be used, and hides no other fault', async () => {
    let error: Error | undefined = new Problem('sealed')
    const { sign } = signerOf({
      now() {
        if (error !== undefined) throw error
        return [rfcKey]
      },
    })
    expect(await sign()).toBeUndefined()
    error = undefined
    expect(await sign()).toHaveProperty('signature')
    error = new Problem('sealed')
    expect(await sign()).toBeUndefined()
    error = new TypeError('a fault')
    await expect(sign()).rejects.toThrow('a fault')
  })
})
