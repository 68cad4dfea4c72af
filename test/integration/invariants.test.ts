import { afterAll, beforeAll, expect, it } from 'vitest'
import { card, checkout, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
beforeAll(async () => {
  vault = await TestVault.start()
  await vault.tokenize(checkout)
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

it('find nothing in what a checkout leaves', async () => {
  await vault.tokenize(checkout)
  await vault.checkInvariants()
})

it.each([
  [
    'a new row',
    `INSERT INTO approval_uses (approval, event, used_at) VALUES ('a', '${person.email}', now())`,
    'DELETE FROM approval_uses',
  ],
  ['a row that changes', `UPDATE clients SET name = '${person.name}'`, `UPDATE clients SET name = 'shop'`],
  [
    'the bytes of a row',
    `UPDATE records SET display_sealed = convert_to('${card.number}', 'UTF8')`,
    `UPDATE records SET display_sealed = '\\x00'`,
  ],
])('find a sample value in %s', async (_, leak, mend) => {
  await vault.database.sql(leak)
  await expect(vault.checkInvariants()).rejects.toThrow('a sample value stands in the database')
  await vault.database.sql(mend)
  await vault.checkInvariants()
})

it('find one that was written in a transaction that ends after the look', async () => {
  const commit = await vault.database.hold(`UPDATE clients SET name = '${person.line1}'`)
  await vault.database.sql(`INSERT INTO approval_uses (approval, event, used_at) VALUES ('b', 'e', now())`)
  await vault.checkInvariants()
  await commit()
  await expect(vault.checkInvariants()).rejects.toThrow('a sample value stands in the database')
  await vault.database.sql(`UPDATE clients SET name = 'shop'`)
})

it('find one in a log line, and in a problem', async () => {
  vault.logLines.push(`{"msg":"${card.number}"}\n`)
  await expect(vault.checkInvariants()).rejects.toThrow('a sample value stands in the log')
  vault.problems.push(`{"detail":"${person.phone}"}`)
  await expect(vault.checkInvariants()).rejects.toThrow('a sample value stands in the problems')
})

it('find an event whose body is not canonical', async () => {
  await vault.checkInvariants()
  await vault.database.sql(`UPDATE audit_events SET body = replace(body, ',', ', ')`)
  await expect(vault.checkInvariants()).rejects.toThrow()
})
