import { createCipheriv } from 'node:crypto'
import { dictionary } from '@zxcvbn-ts/language-en'
import { describe, expect, it } from 'vitest'
import { createPassphrase } from './passphrase-bytes.ts'
import { isRandomlyEncoded } from './passphrase-shape.ts'

const COUNT = 10_000

/** Bytes as random ones are, the same in each run. */
const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16))
const drawn = (length: number) => stream.update(Buffer.alloc(length))
const drawNumber = (below: number) => drawn(4).readUInt32BE() % below

const isRandom = (text: string) => isRandomlyEncoded(Buffer.from(text))

describe('random bytes are taken for random', () => {
  it.each<[string, (bytes: Buffer) => string]>([
    ['base64', (bytes) => bytes.toString('base64')],
    ['base64url', (bytes) => bytes.toString('base64url')],
    ['hexadecimal', (bytes) => bytes.toString('hex')],
  ])('%s, of 32 bytes', (_encoding, encode) => {
    const taken = Array.from({ length: COUNT }, () => isRandom(encode(drawn(32))))
    // The others are estimated, and pass there.
    expect(taken.filter(Boolean).length).toBeGreaterThanOrEqual(0.995 * COUNT)
  })

  it('longer ones, and those that the vault makes', () => {
    const taken = Array.from({ length: 1000 }, () => isRandom(drawn(48).toString('base64')))
    expect(taken.filter(Boolean).length).toBeGreaterThanOrEqual(990)
    const made = Array.from({ length: 3000 }, () => isRandomlyEncoded(createPassphrase()))
    expect(made).not.toContain(false)
  })
})

const words = dictionary['commonWords-en'] as readonly string[]
const capitalised = (word: string) => word[0]!.toUpperCase() + word.slice(1)
function sentence(separator = ''): string {
  const chosen: string[] = []
  while (chosen.join(separator).length < 43) {
    const word = words[drawNumber(5000)]!.replace(/[^a-z]/g, '')
    if (word !== '') chosen.push(capitalised(word))
  }
  return chosen.join(separator)
}

describe('what people write is estimated', () => {
  it.each<[string, () => string]>([
    ['words in CamelCase with a digit', () => sentence() + drawNumber(10)],
    ['words in CamelCase with a year', () => sentence() + (1900 + drawNumber(200))],
    ['words with digits between them', () => sentence(String(drawNumber(100)))],
    ['words with dashes between them', () => `${sentence('-')}1`],
  ])('%s', (_what, write) => {
    const taken = Array.from({ length: 2000 }, write).filter(isRandom)
    expect(taken.length, taken.join('\n')).toBeLessThanOrEqual(2)
  })

  it.each([
    'DasIstEinSehrLangerSatzUeberDenTresorUndSeinenSchluessel7',
    'IchBinEinBerlinerUndDuBistAuchEinBerliner1963',
    'LaVieEstBelleQuandOnNePensePasAuTravail12345x',
    'MiContrasenaEsMuyLargaYNadieLaPuedeAdivinar99a',
    'KocanAdamlarVeKadinlarGuzelBirGundeYuruyor77',
    'WeAreAllInItToGoUpAndDoAsIDoOrAsWeDoIt2024Or',
    'TheQuickBrownFoxJumpsOverTheLazyDogAndRuns1',
    'Th1sIsMyV3ryL0ngP4sswordForTh3CompanyVault2',
    'Abc123Abc123Abc123Abc123Abc123Abc123Abc123Abc1',
    'x7Kp2QmZx7Kp2QmZx7Kp2QmZx7Kp2QmZx7Kp2QmZx7Kp2Q',
    'aB3'.repeat(15),
    'Qwertyuiop1Asdfghjkl2Zxcvbnm3Qazwsx4Edcrfv5Tgb',
    '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9olQAZWSXEDCRFV',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs12',
    '0123456789abcdef'.repeat(4),
    'deadbeef'.repeat(8),
    '00112233445566778899aabbccddeeff'.repeat(2),
    'a'.repeat(63).concat('1'),
  ])('%s', (text) => expect(isRandom(text)).toBe(false))

  it('what is too short for 32 bytes', () => {
    expect(isRandom(drawn(30).toString('base64'))).toBe(false)
    expect(isRandom(drawn(31).toString('hex'))).toBe(false)
  })
})
