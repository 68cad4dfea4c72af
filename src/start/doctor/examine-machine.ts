import { existsSync, readdirSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { Config } from '../../config/config-sections.ts'
import { canCreate, findPinFile, placeOfPin } from '../../config/pin-file.ts'
import { folderFault } from '../../config/trusted-file.ts'
import { isVaultFolder } from '../../embedded-postgres/data-dir.ts'
import { MAX_CONNECTIONS } from '../../http/max-connections.ts'
import type { Finding } from './doctor.ts'
import { readOpenFilesLimit } from './process-limits.ts'

/** Below it a vault cannot even start its workers and sessions and serve a busy shop. */
const FEWEST_FILES = 1_024

/** Files, sockets and sessions of the database beside the connections of callers. */
const OTHER_FILES = 240

/** What the container or the machine lacks: file descriptors, an account, a folder of the vault's own, a place for the pin. */
export function examineMachine(config: Config, facts = readMachineFacts()): Finding[] {
  return [
    ...examineOpenFiles(facts),
    ...examineAccount(config, facts),
    ...examineDataDir(config),
    ...examinePin(config),
  ]
}

export interface MachineFacts {
  /** Undefined where the system does not say. */
  openFiles: number | undefined
  /** Undefined on Windows. */
  uid: number | undefined
  hasAccount: boolean
}

function readMachineFacts(): MachineFacts {
  return { openFiles: readOpenFilesLimit(), uid: process.geteuid?.(), hasAccount: hasAccount() }
}

function hasAccount(): boolean {
  try {
    userInfo()
    return true
  } catch {
    return false
  }
}

function examineOpenFiles({ openFiles }: MachineFacts): Finding[] {
  const wanted = MAX_CONNECTIONS + OTHER_FILES
  if (openFiles === undefined || openFiles >= wanted) return []
  const code = 'open-files'
  const detail = `the process may open ${openFiles} files, too few for the ${MAX_CONNECTIONS} connections that it takes: start it after "ulimit -n 65536", or with LimitNOFILE=65536 in its unit.`
  return openFiles < FEWEST_FILES ? [{ code, detail }] : [{ code, detail, severity: 'warning' }]
}

/** PostgreSQL itself refuses a user that the system does not know. */
function examineAccount({ database }: Config, { uid, hasAccount }: MachineFacts): Finding[] {
  if (hasAccount || uid === undefined) return []
  const code = 'no-account'
  if (database === undefined) {
    const detail = `the user id ${uid} has no account on this system, and the embedded PostgreSQL needs one: add the user to /etc/passwd, or set DATABASE_URL to a PostgreSQL of your own.`
    return [{ code, detail }]
  }
  const detail = `the user id ${uid} has no account on this system, so the audit log calls its operators uid-${uid}: add the user to /etc/passwd, if they should have a name.`
  return [{ code, detail, severity: 'warning' }]
}

/** With the embedded database the vault closes a folder that is its own already. */
function examineDataDir({ dataDir, database }: Config): Finding[] {
  const stats = statSync(dataDir, { throwIfNoEntry: false })
  if (stats === undefined) return []
  const fault = folderFault(dataDir, stats)
  if (fault === undefined) return []
  const isClosedAtStart =
    database === undefined && stats.uid === process.geteuid?.() && isVaultFolder(readdirSync(dataDir))
  return isClosedAtStart ? [] : [{ code: 'data-dir', detail: fault }]
}

/** Without a pin a start believes the database about which vault it is. Production needs a pin file or a named id. */
function examinePin(config: Config): Finding[] {
  const file = findPinFile(placeOfPin(config), config.pin.file)
  if (config.pin.vaultId !== undefined || existsSync(file) || canCreate(file)) return []
  const code = 'vault-unpinned'
  const detail = `which vault this is can be pinned nowhere, since ${file} cannot be written: let the vault write there, name another place in STRONGROOM_PIN_FILE, or set STRONGROOM_VAULT_ID.`
  return config.production ? [{ code, detail }] : [{ code, detail, severity: 'warning' }]
}
