import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Response } from 'supertest'
import { forgeToken } from './forge-token.ts'
import { TestVault } from './test-vault.ts'

/** What another server of the vault answers to a token in the name of an identity provider that is not there. */
export async function callWithoutIssuer(vault: TestVault, route: string): Promise<Response> {
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-issuer-'))
  const issuersFile = path.join(directory, 'issuers.json')
  const issuer = 'https://localhost:1'
  const mappings = [{ claim: 'sub', value: 'ann', role: 'support' }]
  writeFileSync(issuersFile, JSON.stringify([{ name: 'gone', issuer, audience: 'vault', mappings }]))
  const alone = await TestVault.start({ sharedDatabase: vault.database, config: { access: { issuersFile } } })
  try {
    const token = forgeToken({ alg: 'ES256', typ: 'at+jwt', kid: 'k' }, { iss: issuer }, () => Buffer.alloc(64))
    return await alone.call('GET', route, { token })
  } finally {
    await alone.stop()
    rmSync(directory, { recursive: true })
  }
}
