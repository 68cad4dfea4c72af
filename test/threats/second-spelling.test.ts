import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseVerifierKey } from '../../src/audit/formats/signed-note.ts'
import { verifyProofs } from '../../src/audit/verification/verify-proofs.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * An attacker makes another document out of a receipt that verifies too: hashes in another spelling of base64, or
 * siblings of another length, which move the boundary between two hashes.
 */
let vault: TestVault
let receipt: { proof: string[]; checkpoint: string }
let keys: ReturnType<typeof parseVerifierKey>[]

beforeAll(async () => {
  vault = await TestVault.start({ config: { keepsLog: true } })
  const { token } = (await vault.tokenize({ contact })).contact!
  const [event] = await vault.events({ type: 'record.tokenize', token })
  const auditor = await vault.staffToken('auditor')
  receipt = (await vault.call('GET', `/v1/audit/events/${event!.id}/receipt`, { token: auditor })).body
  keys = (await vault.commands.listLogKeys()).map(({ verifier_key }) => parseVerifierKey(verifier_key))
})
afterAll(() => vault.stop())

function findingsOf(changed: object): string[] {
  const receipts = [{ place: 'receipt', json: JSON.stringify({ ...receipt, ...changed }) }]
  return verifyProofs({ keys, checkpoints: [], receipts }).findings.map(({ code }) => code)
}

/** The last letter before the padding has two bits that say nothing: with others it is the same hash to a lax reader. */
function withUnusedBits(hash: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const last = hash.length - 2
  return `${hash.slice(0, last)}${alphabet[alphabet.indexOf(hash[last]!) ^ 1]}=`
}

const resized = (hash: string, change: (bytes: Buffer) => Buffer) =>
  change(Buffer.from(hash, 'base64')).toString('base64')

it('verifies the receipt as it was given', () => {
  expect(receipt.proof.length).toBeGreaterThan(1)
  expect(findingsOf({})).toEqual([])
})

it.each<[string, (hash: string) => string]>([
  ['with other unused bits', withUnusedBits],
  ['without padding', (hash) => hash.slice(0, -1)],
  ['with a space', (hash) => ` ${hash}`.slice(0, 44)],
  ['with a line break', (hash) => `${hash.slice(0, 20)}\n${hash.slice(20, -1)}`],
  ['in base64url', (hash) => `${Buffer.from(hash, 'base64').toString('base64url')}=`],
  ['of 31 bytes', (hash) => resized(hash, (bytes) => bytes.subarray(1))],
  ['of 33 bytes', (hash) => resized(hash, (bytes) => Buffer.concat([bytes, Buffer.of(0)]))],
  ['of no bytes', () => ''],
])('a proof with a hash %s is malformed', (_what, change) => {
  for (const at of receipt.proof.keys()) {
    const proof = receipt.proof.map((hash, nth) => (nth === at ? change(hash) : hash))
    // Some hashes have no letter that base64url writes in another way.
    if (proof[at] !== receipt.proof[at]) expect(findingsOf({ proof })).toEqual(['malformed-receipt'])
  }
})

it('two siblings whose boundary was moved are malformed', () => {
  const [first, second, ...others] = receipt.proof.map((hash) => Buffer.from(hash, 'base64'))
  const both = Buffer.concat([first!, second!])
  for (const boundary of [31, 33]) {
    const moved = [both.subarray(0, boundary), both.subarray(boundary), ...others]
    expect(findingsOf({ proof: moved.map((hash) => hash.toString('base64')) })).toEqual(['malformed-receipt'])
  }
})
