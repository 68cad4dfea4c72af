import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../../config/config.ts'
import { COSIGNATURE, formatVerifierKey, noteVerifier } from '../formats/signed-note.ts'
import { loadShipping } from './witnesses-file.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-witnesses-file-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const file = () => path.join(directory, 'witnesses.json')

function load(content: unknown) {
  writeFileSync(file(), typeof content === 'string' ? content : JSON.stringify(content))
  return loadShipping(file())
}

const { publicKey } = generateKeyPairSync('ed25519')
const key = formatVerifierKey(noteVerifier('witness.example/w1', publicKey, COSIGNATURE))
const url = 'https://log.example/in'

describe('the file of witnesses', () => {
  it('is not needed', async () => {
    expect(await loadShipping(undefined)).toBeUndefined()
  })

  it('names targets; paths are taken from where it lies, and no name holds what may be secret', async () => {
    writeFileSync(path.join(directory, 'ca.pem'), 'PEM')
    const ship = [{ file: 'log' }, { command: ['/bin/ship', '--key', 'x'] }, { url: `${url}?key=x`, ca: 'ca.pem' }]
    const loaded = await load({ ship, witnesses: [{ url: 'https://witness.example/', key }], every_seconds: 5 })
    expect(loaded).toMatchObject({
      everySeconds: 5,
      targets: [
        { kind: 'file', name: path.join(directory, 'log'), file: path.join(directory, 'log') },
        { kind: 'command', name: '/bin/ship', program: '/bin/ship', args: ['--key', 'x'] },
        { kind: 'url', name: url, url: `${url}?key=x`, headers: {}, ca: 'PEM' },
        { kind: 'witness', name: 'witness.example/w1', url: 'https://witness.example', ca: undefined },
      ],
    })
    expect((await load({ ship: [{ file: 'log' }] }))?.everySeconds).toBe(60)
  })

  it.each([
    ['nothing', {}, /names nothing to ship/],
    ['no JSON', '{', /not well-formed JSON/],
    ['an unknown member', { ships: [] }, /not usable at \//],
    [
      'two kinds of target in one',
      { ship: [{ file: 'a', url }] },
      /at \/ship\/0: expected one of file, command and url/,
    ],
    ['no kind of target', { ship: [{}] }, /at \/ship\/0: expected one of/],
    ['plain HTTP', { ship: [{ url: 'http://log.example' }] }, /at \/ship\/0\/url: .*https/],
    ['a password in a URL', { ship: [{ url: 'https://a:hunter2@log.example' }] }, /at \/ship\/0\/url/],
    ['headers for a file', { ship: [{ file: 'a', headers: {} }] }, /at \/ship\/0: headers and ca belong to a url/],
    ['a header with a line break', { ship: [{ url, headers: { a: 'b\r\nc: d' } }] }, /at \/ship\/0\/headers/],
    ['a program by its name alone', { ship: [{ command: ['ship'] }] }, /at \/ship\/0\/command: .*absolute path/],
    ['an empty command', { ship: [{ command: [] }] }, /at \/ship\/0\/command/],
    ['a target twice', { ship: [{ file: 'a' }, { file: 'a' }] }, /names two targets ".*\/a"/],
    [
      'the file of an authority that is not there',
      { ship: [{ url, ca: 'none.pem' }] },
      /none\.pem cannot be read \(ENOENT\)/,
    ],
    ['no pause at all', { ship: [{ file: 'a' }], every_seconds: 0 }, /at \/every_seconds/],
    ['plain HTTP to a witness', { witnesses: [{ url: 'http://w.example', key }] }, /at \/witnesses\/0\/url/],
    ['an invalid key', { witnesses: [{ url, key: 'nonsense' }] }, /at \/witnesses\/0\/key: this is not a verifier key/],
    [
      'the key of a log instead of a witness',
      { witnesses: [{ url, key: formatVerifierKey(noteVerifier('log.example', publicKey)) }] },
      /at \/witnesses\/0\/key: expected the key of a witness, which is of type 4/,
    ],
  ])('with %s is refused in a sentence', async (_name, content, sentence) => {
    const refused = await load(content).catch((error: Error) => error)
    expect(refused).toBeInstanceOf(ConfigError)
    expect((refused as Error).message).toMatch(sentence)
    expect((refused as Error).message).not.toContain('hunter2')
  })
})
