import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { packageFolder, version } from '../config/version.ts'
import { viewerScripts } from '../http/documents/viewer.ts'

/** For browsers: what is under the path of a version never changes. */
export const IMMUTABLE = 'public, max-age=31536000, immutable'

/** A script that the vault serves to browsers, with why it is there (PCI DSS 6.4.3). */
export interface ListedScript {
  name: string
  path: string
  /** SHA-384 in the form of the attribute `integrity` (W3C Subresource Integrity). */
  integrity: string
  reason: string
}

/** A script for shoppers. */
interface Script extends ListedScript {
  name: ScriptName
  body: Buffer
}

const REASONS = {
  'checkout.js': "Puts the vault's fields on a page of the shop, and hands the page tokens in place of card data.",
  'page.js': "Shows the fields of a checkout session on the vault's own page, checks what is typed, and stores it.",
} as const

export type ScriptName = keyof typeof REASONS

/** Where `npm run build` puts the scripts (`src/checkout/browser/`). */
const FOLDER = path.join(packageFolder, 'dist/checkout')

let loading: Promise<Readonly<Record<ScriptName, Script>>> | undefined

/** The scripts of this version. They are read once. */
export function loadScripts(): Promise<Readonly<Record<ScriptName, Script>>> {
  loading ??= readScripts()
  return loading
}

async function readScripts(): Promise<Readonly<Record<ScriptName, Script>>> {
  const entries = Object.entries(REASONS).map(async ([name, reason]) => {
    const body = await readFile(path.join(FOLDER, name))
    return [name, { name, path: `/checkout/${version}/${name}`, integrity: integrityOf(body), reason, body }] as const
  })
  return Object.fromEntries(await Promise.all(entries)) as Record<ScriptName, Script>
}

let listing: Promise<readonly ListedScript[]> | undefined

/** Every script that the vault serves: those for shoppers, and those of the viewer of the API. */
export function listScripts(): Promise<readonly ListedScript[]> {
  listing ??= readInventory()
  return listing
}

async function readInventory(): Promise<readonly ListedScript[]> {
  const scripts = [...Object.values(await loadScripts()), ...(await viewerScripts())]
  return scripts.map(({ name, path, reason, body }) => ({ name, path, integrity: integrityOf(body), reason }))
}

function integrityOf(body: string | Buffer): string {
  return `sha384-${createHash('sha384').update(body).digest('base64')}`
}
