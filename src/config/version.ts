import { readFileSync } from 'node:fs'
import path from 'node:path'

/** The version in package.json, found from the source tree as well as from the built one. */
export const version: string = readVersion(import.meta.dirname)

function readVersion(directory: string): string {
  try {
    const { name, version } = JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8'))
    if (name === 'strongroom') return version
  } catch {
    // not in this folder
  }
  return readVersion(path.dirname(directory))
}
