import { copyFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, inject, vi } from 'vitest'
import type { Config } from '../../src/config/config-sections.ts'
import { followCertificates } from '../../src/start/serve.ts'
import type { TestVault } from './test-vault.ts'

const PATIENCE = { timeout: 20_000, interval: 50 }

/**
 * Certificates that cannot be used are failures of the task, and one that can be used again is shown.
 *
 * @param directory where the certificate's files are put
 * @param failures how often the task has failed
 */
export async function seeCertificatesFollowed(
  vault: TestVault,
  directory: string,
  failures: () => number,
): Promise<void> {
  const { certsDir } = inject('cluster')
  const [certFile, keyFile] = [path.join(directory, 'server.pem'), path.join(directory, 'server-key.pem')]
  const restore = () => copyFileSync(path.join(certsDir, 'server.pem'), certFile)
  restore()
  copyFileSync(path.join(certsDir, 'server-key.pem'), keyFile)
  const renew = vi.fn()
  const listener = { port: 0, renew, stop: async () => {} }
  const config = { tls: { certsDir, certFile, keyFile } } as unknown as Config
  const unfollow = followCertificates(config, [listener], vault)
  try {
    for (const times of [1, 2]) {
      writeFileSync(certFile, `no certificate ${times}`)
      await vi.waitFor(() => expect(failures()).toBe(times), PATIENCE)
      restore()
      await vi.waitFor(() => expect(renew).toHaveBeenCalledTimes(times), PATIENCE)
    }
  } finally {
    unfollow()
  }
}
