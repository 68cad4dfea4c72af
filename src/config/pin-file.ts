import { hash } from 'node:crypto'
import { accessSync, constants, existsSync } from 'node:fs'
import path from 'node:path'

/** What the place of the pin depends on. */
export interface PinnedPlace {
  /** Undefined: the embedded database under the data directory. */
  databaseUrl: string | undefined
  schema: string | undefined
  dataDir: string
  certFile: string
}

/** The options that say it. */
interface PlaceOptions {
  database: { url: string } | undefined
  databaseSchema: string | undefined
  dataDir: string
  tls: { certFile: string }
}

export function placeOfPin({ database, databaseSchema, dataDir, tls }: PlaceOptions): PinnedPlace {
  return { databaseUrl: database?.url, schema: databaseSchema, dataDir, certFile: tls.certFile }
}

/**
 * The file that pins the vault of a database, beside the certificate. Its name has the name of the database and of the schema, and
 * nothing of how the URL spells its host: a vault that is reached by another address is the same vault.
 */
export function defaultPinFile(place: PinnedPlace): string {
  return path.join(path.dirname(place.certFile), pinName(place))
}

/**
 * The path of the pin, or where it will be written. If the default folder cannot be written to, the data directory
 * takes its place, unless the database is there itself.
 */
export function findPinFile(place: PinnedPlace, pinFile: string): string {
  if (pinFile !== defaultPinFile(place)) return pinFile
  const inDataDir = path.join(place.dataDir, path.basename(pinFile))
  const files = place.databaseUrl === undefined ? [pinFile] : [pinFile, inDataDir]
  return files.find(existsSync) ?? files.find(canCreate) ?? pinFile
}

/** Whether the file can be made, with the folders that it lies in. Makes nothing. */
export function canCreate(file: string): boolean {
  const folder = path.dirname(file)
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    return true
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return isMissing && folder !== path.dirname(folder) && canCreate(folder)
  }
}

function pinName(place: PinnedPlace): string {
  if (place.databaseUrl === undefined) {
    return `vault-${digest(`${new URL(`file://${place.dataDir}`).pathname} ${place.schema ?? ''}`)}.pin`
  }
  const { pathname, username } = new URL(place.databaseUrl)
  // Without a name PostgreSQL takes that of the role.
  const database = decoded(pathname.slice(1)) || decoded(username)
  const parts = [database, ...(place.schema === undefined || place.schema === 'public' ? [] : [place.schema])]
  const isPlain = parts.every((part) => /^[\w-]{1,63}$/.test(part))
  return `vault-${isPlain ? parts.join('.') : digest(JSON.stringify(parts))}.pin`
}

function digest(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 12)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
