import { createCodeKeys } from '../../src/security-codes/code-keys.ts'
import { createSecurityCodes, type SecurityCodes } from '../../src/security-codes/security-codes.ts'
import type { TestDatabase } from './postgres.ts'
import { openTestKeys, type VaultKeys } from './vault-keys.ts'

/** A server process of a vault, as far as it is about security codes: with keys in memory, published as a server does. */
export interface CodeServer extends SecurityCodes, Pick<VaultKeys, 'database' | 'keys'> {
  /** What `take` and the use of the code do: true when this use was the one. */
  use(opened: Awaited<ReturnType<SecurityCodes['open']>>): Promise<boolean>
  publish(): Promise<void>
  alerts: { code: string; facts: object }[]
  /** Ends as a server that is stopped. */
  stop(): Promise<void>
  /** Ends as a server that is killed: its keys are gone, and what it wrote stays. */
  kill(): Promise<void>
}

export async function startCodeServer(
  of: { database: TestDatabase; clockOffsetMs?: number },
  from: { now?: () => Date } = {},
): Promise<CodeServer> {
  const { now = () => new Date(Date.now() + (of.clockOffsetMs ?? 0)) } = from
  const alerts: CodeServer['alerts'] = []
  const { database, keys, close } = await openTestKeys(of.database)
  const codeKeys = createCodeKeys({ database, keys, now, alert: (code, facts) => void alerts.push({ code, facts }) })
  const codes = createSecurityCodes({ database, keys, codeKeys, now })
  await codeKeys.publish()
  return {
    ...codes,
    database,
    keys,
    alerts,
    publish: codeKeys.publish,
    use: (opened) => database.transaction((tx) => codes.take(tx, opened)),
    async stop() {
      await codeKeys.close()
      await close()
    },
    kill: close,
  }
}
