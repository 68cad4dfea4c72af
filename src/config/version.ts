import { readFileSync } from 'node:fs'
import path from 'node:path'

const found = findPackage(import.meta.dirname)

/** The folder of package.json, found from the source tree as well as from the built one. */
export const packageFolder: string = found.folder

/** The version in package.json. */
export const version: string = found.version

function findPackage(folder: string): { folder: string; version: string } {
  try {
    const { name, version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
    if (name === 'strongroom') return { folder, version }
  } catch {
    // not in this folder
  }
  return findPackage(path.dirname(folder))
}
