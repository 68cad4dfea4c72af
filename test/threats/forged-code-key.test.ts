import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Token } from '../../src/records/record/token.ts'
import { newKeyPair } from '../../src/security-codes/sealed-to-process.ts'
import { type CodeServer, startCodeServer } from '../support/code-server.ts'
import { card } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attacks 85 to 88: what an attacker who can write to the database, and has nothing else, does to read or to use a code. */
const SITE = { site: 'default' }
const notFound = { code: 'security-code-not-found' }

let vault: TestVault
let server: CodeServer
let token: string
let cards: [Token, Token]

beforeAll(async () => {
  vault = await TestVault.start()
  server = await startCodeServer(vault)
  token = await vault.clientToken(['tokenize'])
  const store = async () => (await vault.tokenize({ card })).card!.token as Token
  cards = [await store(), await store()]
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await server.stop()
  await vault.stop()
})

const sql = (text: string, values: unknown[] = []) => vault.database.sql(text, values)
async function keep(of = cards[0], code = '739'): Promise<string> {
  const answer = await vault.call('POST', '/v1/security-codes', { token, body: { card: of, code } })
  expect(answer.status, answer.text).toBe(201)
  return answer.body.security_code
}
async function recipientsOf(id: string): Promise<string[]> {
  const [row] = await vault.database.sql<{ recipients: Buffer[] }>(
    'SELECT recipients FROM security_codes WHERE id = $1',
    [id],
  )
  return row!.recipients.map((recipient) => recipient.toString('hex'))
}
const alertsOf = (publicKey: Buffer) =>
  vault.logLines.filter(
    (line) => line.includes('"security-code-key-forged"') && line.includes(publicKey.toString('base64')),
  )

describe('a public key that the vault has not published', () => {
  it.each<[string, string]>([
    ['with no MAC', `now() + interval '2 minutes', $1, ''`],
    ['with a made-up MAC', `now() + interval '2 minutes', $1, sha256('a') || '\\x00000000000000000000000000000000'`],
    ['with the MAC of a server', `accepts_until, $1, mac FROM security_code_keys LIMIT 1`],
    ['with the MAC of a client', `now() + interval '2 minutes', $1, mac FROM clients WHERE mac IS NOT NULL LIMIT 1`],
    ['that never ends', `'infinity', $1, mac FROM security_code_keys LIMIT 1`],
  ])('gets nothing sealed to it %s, and is an alert, once', async (_name, values) => {
    const { publicKey } = newKeyPair()
    await sql(`INSERT INTO security_code_keys (accepts_until, public_key, mac) SELECT ${values}`, [publicKey])
    const ids = [await keep(), await keep()]
    for (const id of ids) {
      const recipients = await recipientsOf(id)
      expect(recipients).not.toContain(publicKey.toString('hex'))
      // The servers that live are not held up by it.
      expect(recipients).toHaveLength(2)
      expect((await server.open(SITE, id, cards[0])).code.expose()).toBe('739')
    }
    expect(alertsOf(publicKey)).toHaveLength(1)
    await sql('DELETE FROM security_code_keys WHERE public_key = $1', [publicKey])
  })

  it('gets nothing in the place of one that it has, nor one whose time was extended', async () => {
    const keys = () => vault.database.sql<{ key: Buffer }>('SELECT public_key AS key FROM security_code_keys')
    const others = (await keys()).map(({ key }) => key.toString('hex'))
    const ended = await startCodeServer(vault)
    const before = (await keys()).find(({ key }) => !others.includes(key.toString('hex')))
    await ended.kill()
    await sql(`UPDATE security_code_keys SET accepts_until = accepts_until + interval '1 day' WHERE public_key = $1`, [
      before!.key,
    ])
    expect(await recipientsOf(await keep())).not.toContain(before!.key.toString('hex'))
    const { publicKey } = newKeyPair()
    await sql('UPDATE security_code_keys SET public_key = $2 WHERE public_key = $1', [before!.key, publicKey])
    expect(await recipientsOf(await keep())).not.toContain(publicKey.toString('hex'))
    await sql('DELETE FROM security_code_keys WHERE public_key = $1', [publicKey])
  })

  it('gets nothing in a crowd: with a thousand of them the server that keeps the code still opens it alone', async () => {
    await sql(
      `INSERT INTO security_code_keys SELECT now() + interval '1 hour', sha256(at::text::bytea), ''
       FROM generate_series(1, 1000) at`,
    )
    const recipients = await recipientsOf(await keep())
    const forged = await vault.database.sql<{ key: string }>(
      `SELECT encode(public_key, 'hex') AS key FROM security_code_keys WHERE mac = ''`,
    )
    expect(forged).toHaveLength(1000)
    expect(recipients.filter((recipient) => forged.some(({ key }) => key === recipient))).toEqual([])
    expect(recipients.length).toBeGreaterThan(0)
    await sql(`DELETE FROM security_code_keys WHERE mac = ''`)
  })
})

describe('a code', () => {
  it('opens for no other card, and on no other site', async () => {
    const id = await keep()
    await expect(server.open(SITE, id, cards[1])).rejects.toMatchObject(notFound)
    await expect(server.open({ site: 'other' }, id, cards[0])).rejects.toMatchObject(notFound)
    for (const text of ['', 'cvc_1', id.toUpperCase(), `${id} `, `cvc_${'0'.repeat(26)}`, cards[0]]) {
      await expect(server.open(SITE, text, cards[0])).rejects.toMatchObject(notFound)
    }
    expect((await server.open(SITE, id, cards[0])).code.expose()).toBe('739')
  })

  it.each<[string, string]>([
    ['its end', `expires_at = expires_at + interval '1 second'`],
    ['an end that never comes', `expires_at = 'infinity'`],
    ['the seals of another code', 'seals = (SELECT seals FROM security_codes WHERE id = $2)'],
    [
      'all of another code',
      '(seals, recipients, mac, expires_at) = (SELECT seals, recipients, mac, expires_at FROM security_codes WHERE id = $2)',
    ],
    ['its recipients in another order', 'recipients = ARRAY[recipients[2], recipients[1]]'],
    ['one recipient less', 'recipients = recipients[2:2], seals = seals[2:2]'],
    ['its MAC', `mac = (SELECT mac FROM security_codes WHERE id = $2)`],
    ['no MAC', `mac = ''`],
    ['a bit of a seal', 'seals[2] = set_byte(seals[2], 90, get_byte(seals[2], 90) # 1)'],
  ])('does not open after a change of %s', async (_name, change) => {
    const [id, other] = [await keep(), await keep(cards[1], '111')]
    const values = change.includes('$2') ? [id, other] : [id]
    await sql(`UPDATE security_codes SET ${change} WHERE id = $1`, values)
    await expect(server.open(SITE, id, cards[0])).rejects.toMatchObject(notFound)
  })

  it('that an attacker seals to the published keys is not taken for the one of the shopper', async () => {
    const { sealTo } = await import('../../src/security-codes/sealed-to-process.ts')
    const { codeContext } = await import('../../src/security-codes/security-code.ts')
    const id = await keep()
    const [row] = await vault.database.sql<{ recipients: Buffer[]; expires_at: Date }>(
      'SELECT recipients, expires_at FROM security_codes WHERE id = $1',
      [id],
    )
    const place = { id, ...SITE, card: cards[0], expiresAt: row!.expires_at }
    const seals = row!.recipients.map((recipient) =>
      sealTo(recipient, codeContext(place, recipient), Buffer.from('111'), (bytes) => Buffer.alloc(bytes, 7)),
    )
    await sql('UPDATE security_codes SET seals = $2 WHERE id = $1', [id, seals])
    await expect(server.open(SITE, id, cards[0])).rejects.toMatchObject(notFound)
  })

  it('whose row is put back after its use opens no more on the server that used it', async () => {
    const id = await keep()
    await sql('CREATE TABLE taken AS SELECT * FROM security_codes WHERE id = $1', [id])
    expect(await server.use(await server.open(SITE, id, cards[0]))).toBe(true)
    await sql('INSERT INTO security_codes SELECT * FROM taken')
    await expect(server.open(SITE, id, cards[0])).rejects.toMatchObject(notFound)
    await sql('DROP TABLE taken')
  })
})
