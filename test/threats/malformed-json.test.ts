import { afterAll, afterEach, beforeAll, it } from 'vitest'
import { expectRefusal } from '../support/refusal.ts'
import { cards } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const number = cards.visa

it.each([
  ['a value without quotes', `{"card":{"number":x${number}}}`],
  ['a number at the start', `${number}{`],
  ['form data', `number=${number}`],
  ['the number alone, broken off', `"${number}`],
  ['an unfinished object', `{"card":{"number":"${number}"`],
  ['an unfinished escape', `{"card":{"number":"${number}\\u00`],
  ['single quotes', `{'card':{'number':'${number}'}}`],
  ['a trailing comma', `{"card":{"number":"${number}",}}`],
  ['a comment', `{"card":{"number":"${number}"}} // ${number}`],
  ['two documents', `{"card":{"number":"${number}"}}{}`],
  ['a leading zero', `{"card":{"number":0${number}}}`],
  ['a line break in a string', `{"card":{"number":"${number}\n"}}`],
  ['NaN', `{"card":{"number":"${number}","exp_month":NaN}}`],
  ['nothing', ''],
  ['white space', '  \n '],
  ['two byte-order marks', `\ufeff\ufeff{"card":{"number":"${number}"}}`],
  ['a byte-order mark after the beginning', `{\ufeff"card":{"number":"${number}"}}`],
])('answers 400 to %s and repeats none of it', async (_name, text) => {
  const send = () => vault.call('POST', '/v1/tokenize', { token, text })
  await expectRefusal(vault, send, { status: 400, code: 'malformed-json', input: [number, number.slice(0, 8)] })
})

it.each(['null', '[]', '"text"', '42', 'true'])('answers 422 to %s, which is JSON but no object', async (text) => {
  const send = () => vault.call('POST', '/v1/tokenize', { token, text })
  await expectRefusal(vault, send, { status: 422, code: 'invalid-input' })
})
