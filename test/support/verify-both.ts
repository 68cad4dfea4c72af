import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { inject } from 'vitest'
import type { LogDelivery } from '../../src/audit/delivery/deliver-log.ts'
import { openLogOfFile } from '../../src/audit/verification/log-file.ts'
import { type LogVerification, type VerifyLogOptions, verifyLog } from '../../src/audit/verification/verify-log.ts'
import { openLogOfDatabase } from '../../src/audit/verification/verify-store.ts'
import { formatPage, logFormats } from '../../src/cli/log-formats.ts'
import { openDatabase } from '../../src/database/database.ts'
import { withDatabase } from './postgres.ts'
import type { TestVault } from './test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const NOTHING: VerifyLogOptions = { keys: [], checkpoints: [], receipts: [] }

/** The log of a vault as `audit export` writes it, line by line. */
export async function exportLines(vault: TestVault): Promise<string[]> {
  const pages: string[] = []
  const deliver: LogDelivery['deliver'] = async (entries, _, dropped, checkpoints) => {
    pages.push(formatPage(logFormats.jsonl, entries, dropped, checkpoints))
  }
  const { signal } = new AbortController()
  const delivery = { what: 'export', filter: {}, from: 0, follow: false, signal, deliver } as const
  await vault.commands.deliverLog(OPERATOR, delivery)
  return pages.join('').trimEnd().split('\n')
}

/** Verifies lines of an exported log, as `audit verify --log` does. */
export async function verifyLines(
  lines: readonly string[],
  options: Partial<VerifyLogOptions> = {},
): Promise<LogVerification> {
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-log-'))
  const file = path.join(directory, 'log.jsonl')
  try {
    writeFileSync(file, lines.map((line) => `${line}\n`).join(''))
    return await verifyLog(await openLogOfFile(file), { ...NOTHING, ...options })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Verifies the log of a vault in its database, and what is exported of it. */
export async function verifyBoth(
  vault: TestVault,
  options: Partial<VerifyLogOptions> = {},
): Promise<{ ofDatabase: LogVerification; ofExport: LogVerification }> {
  const url = withDatabase(inject('cluster').superuserUrl, vault.database.name)
  const database = openDatabase({ url, maxConnections: 1 })
  try {
    const ofDatabase = await database.transaction(async (tx) =>
      verifyLog(await openLogOfDatabase(tx), { ...NOTHING, ...options }),
    )
    return { ofDatabase, ofExport: await verifyLines(await exportLines(vault), options) }
  } finally {
    await database.close()
  }
}
