import { createPrivateKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { formatCheckpoint, parseCheckpoint } from '../../src/audit/formats/checkpoint.ts'
import {
  consistencyProof,
  EMPTY_ROOT,
  hashLeaf,
  includes,
  inclusionProof,
  isConsistent,
  type ReadSubtree,
  rootOf,
} from '../../src/audit/formats/merkle.ts'
import {
  COSIGNATURE,
  cosignedAt,
  formatVerifierKey,
  isSignedBy,
  noteVerifier,
  parseNote,
  parseVerifierKey,
  publicKeyFrom,
  signNote,
} from '../../src/audit/formats/signed-note.ts'

const hex = (text: string) => Buffer.from(text, 'hex')

/** The test tree of Certificate Transparency (google/certificate-transparency, merkletree tests), used by Go's tlog too. */
const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
  .map(hex)
  .map(hashLeaf)
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
].map(hex)
const read: ReadSubtree = async (height, index) => rootOf(leaves.slice(index * 2 ** height, (index + 1) * 2 ** height))

describe('the test tree of Certificate Transparency', () => {
  it('has the published roots', () => {
    expect(EMPTY_ROOT).toEqual(hex('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'))
    expect(leaves.map((_, at) => rootOf(leaves.slice(0, at + 1)))).toEqual(roots)
  })

  it.each([
    [
      0,
      8,
      [
        '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
      ],
    ],
    [
      5,
      8,
      [
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
        'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    ],
    [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  ])('has the published inclusion proof of leaf %i of %i', async (index, size, published) => {
    const proof = await inclusionProof(read, index, size)
    expect(proof).toEqual(published.map(hex))
    expect(includes({ size, root: roots[size - 1]! }, index, leaves[index]!, proof)).toBe(true)
  })

  it.each([
    [
      6,
      8,
      [
        '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
        'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    ],
    [
      2,
      5,
      [
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      ],
    ],
  ])('has the published consistency proof from %i to %i', async (older, size, published) => {
    const proof = await consistencyProof(read, older, size)
    expect(proof).toEqual(published.map(hex))
    const tree = (of: number) => ({ size: of, root: roots[of - 1]! })
    expect(isConsistent(tree(older), tree(size), proof)).toBe(true)
  })
})

describe('the example note of Go (golang.org/x/mod/sumdb/note)', () => {
  const key = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
  /** Published as `PRIVATE+KEY+PeterNeumann+c74f20a3+…`: an example, which protects nothing. */
  const seed = Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1)
  const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
  const note = `${text}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`
  const enoch =
    '— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n'

  it('verifies', () => {
    const verifier = parseVerifierKey(key)
    expect(verifier.name).toBe('PeterNeumann')
    expect(formatVerifierKey(verifier)).toBe(key)
    expect(parseNote(note).text).toBe(text)
    expect(isSignedBy(parseNote(note), verifier)).toBe(true)
    expect(isSignedBy(parseNote(note + enoch), verifier)).toBe(true)
    expect(isSignedBy(parseNote(note.replace('know', 'knew')), verifier)).toBe(false)
  })

  it('is what signing gives, byte for byte', () => {
    const pkcs8 = Buffer.concat([hex('302e020100300506032b657004220420'), seed])
    const secret = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
    expect(signNote(text, 'PeterNeumann', secret)).toBe(note)
  })

  it('does not verify with any key that is not written exactly so', () => {
    for (let from = 0; from <= key.length; from++) {
      for (let to = from + 1; to <= key.length; to++) {
        if (from !== 0 || to !== key.length) expect(() => parseVerifierKey(key.slice(from, to))).toThrow()
      }
    }
    for (const wrong of [
      'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==',
      'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    ])
      expect(() => parseVerifierKey(wrong)).toThrow()
  })
})

describe('the examples of C2SP', () => {
  const text = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'
  const ofLog =
    '— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n'
  const ofWitness =
    '— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n'

  it('of a checkpoint (tlog-checkpoint) and of a cosignature (tlog-cosignature) are read', () => {
    const checkpoint = parseCheckpoint(`${text}\n${ofLog}${ofWitness}`)
    expect(checkpoint).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20_852_163 })
    expect(formatCheckpoint(checkpoint)).toBe(text)
    const [log, witness] = checkpoint.note.signatures
    expect([log!.signature.length, witness!.signature.length]).toEqual([64, 72])
    expect(log!.keyId).toEqual(hex('033de0ae'))
    // The message of the specification says when: "time 1679315147".
    expect(witness!.signature.readBigUInt64BE()).toBe(1_679_315_147n)
  })

  it('of a note with empty lines (signed-note) is taken apart at the last of them', () => {
    const poem = 'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n'
    const signature =
      '— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n'
    const note = parseNote(`${poem}\n${signature}`)
    expect(note.text).toBe(poem)
    expect(note.signatures.map(({ name }) => name)).toEqual(['quasimodo.example/salvatore'])
  })

  it('do not make a cosignature of a signature, or the other way round', () => {
    const raw = parseVerifierKey('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW').publicKey
    const asWitness = noteVerifier('PeterNeumann', raw, COSIGNATURE)
    expect(formatVerifierKey(asWitness)).toMatch(/^PeterNeumann\+[0-9a-f]{8}\+BBpc2Q/)
    expect(parseVerifierKey(formatVerifierKey(asWitness)).type).toBe(COSIGNATURE)
    const log = parseCheckpoint(`${text}\n${ofLog}${ofWitness}`).note
    expect(
      cosignedAt(log, noteVerifier('example.com/behind-the-sofa', publicKeyFrom(Buffer.alloc(32, 3)))),
    ).toBeUndefined()
    expect(isSignedBy(log, asWitness)).toBe(false)
  })
})
