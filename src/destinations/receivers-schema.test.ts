import { describe, expect, it } from 'vitest'
import { Problem } from '../values/problem.ts'
import { parseDestinationsFile } from './destination-file.ts'
import { encodeDestinationsFile, setOf, toDestinationsFile } from './destination-set.ts'

const PARTNER = `partner_${'0'.repeat(26)}`
const URL = 'https://notices.carrier.example/strongroom'

const file = (receivers?: unknown) => ({ format: 1, destinations: {}, ...(receivers !== undefined && { receivers }) })
const of = (member: object) => file({ partners: { [PARTNER]: { url: URL, ...member } } })

/** The pointers, without what is in front of each. */
function faultsOf(input: unknown): string[] {
  try {
    parseDestinationsFile(input)
    return []
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return error.errors.map(({ pointer }) => pointer.replace(`#/receivers/partners/${PARTNER}`, ''))
  }
}

/** What a set is stored and exported as. */
const exported = (input: unknown) => encodeDestinationsFile(toDestinationsFile(setOf(parseDestinationsFile(input), 1)))

it('is left out where the file has none: a set from before has the same bytes', () => {
  expect(exported(file())).toBe('{"destinations":{},"format":1}')
})

it('writes out every default, and gives back what it took', () => {
  const receiver = { url: URL, private_addresses: false }
  const { receivers } = parseDestinationsFile(file({ partners: { [PARTNER]: { url: URL } }, alerts: { url: URL } }))
  expect(receivers).toEqual({ partners: { [PARTNER]: receiver }, alerts: receiver })
  for (const input of [file({}), file({ alerts: { url: URL } }), of({ private_addresses: true })]) {
    expect(exported(JSON.parse(exported(input)))).toBe(exported(input))
  }
})

describe('the URL of a receiver', () => {
  it.each([URL, 'https://notices.carrier.example/', 'https://notices.carrier.example:8443/a/b~c'])(
    'may be %s',
    (url) => {
      expect(faultsOf(of({ url }))).toEqual([])
    },
  )

  it.each([
    ...[
      'http://carrier.example/a',
      'https://carrier.example',
      'https://CARRIER.example/a',
      'https://carrier.example:443/a',
    ],
    ...['https://user@carrier.example/a', 'https://user:pass@carrier.example/a', 'https://carrier.example/a?b=c'],
    ...[
      'https://carrier.example/a?',
      'https://carrier.example/a#b',
      'https://carrier.example/../a',
      ' https://a.example/',
    ],
    ...[
      'https://carrier.example/%2e%2e',
      'https://carrier.example/a b',
      'https://carrier.example/ü',
      'https:a.example/',
    ],
    ...[
      'https://carrier.example\\@evil.example/',
      'https://bücher.example/',
      'https://a_b.example/',
      'https://a.example./',
    ],
    ...[
      'https://127.0.0.1/a',
      'https://2130706433/a',
      'https://[::1]/a',
      'https://169.254.169.254/a',
      'https://host/a',
    ],
    ...['https://localhost/a', 'https://db.internal/a', 'https://printer.local/a', '', 'https://'],
  ])('may not be %s', (url) => {
    expect(faultsOf(of({ url }))).toEqual(['/url'])
  })

  it('may be private on purpose', () => {
    for (const url of [
      'https://127.0.0.1:8443/a',
      'https://localhost:8443/a',
      'https://db.internal/',
      'https://[::1]/',
    ])
      expect(faultsOf(of({ url, private_addresses: true }))).toEqual([])
  })
})

it.each<[string, unknown, string]>([
  ['another member', of({ secret: 'x' }), ''],
  ['no URL', of({ url: undefined }), '/url'],
  ['a certificate that is none', of({ ca: 'PEM' }), '/ca'],
  ['a partner that can be none', file({ partners: { carrier: { url: URL } } }), '#/receivers/partners/carrier'],
  ['more partners than there may be', file({ partners: many(201) }), '#/receivers/partners'],
  ['receivers of something else', file({ events: { url: URL } }), '#/receivers'],
  ['a bad receiver of alerts', file({ alerts: { url: 'https://localhost/' } }), '#/receivers/alerts/url'],
  ['a list of receivers', file([]), '#/receivers'],
])('takes no file with %s', (_what, input, pointer) => {
  expect(faultsOf(input)).toEqual([pointer])
})

function many(count: number): object {
  const ids = Array.from({ length: count }, (_, at) => `partner_${String(at).padStart(26, '0')}`)
  return Object.fromEntries(ids.map((id) => [id, { url: URL }]))
}
