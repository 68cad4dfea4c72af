import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCE = fileURLToPath(new URL('go-verifier', import.meta.url))
const BUILD_TIMEOUT_MS = 120_000

/** A log as another program reads it; bytes are in base64. */
export interface ForeignLog {
  key: string
  older: string
  newer: string
  tiles: Record<string, string>
  /** The index of the first of the entries. Default: 0. */
  first?: number
  entries: string[]
  receipt: { body: string; index: number; proof: string[]; checkpoint: string }
}

/** Go's own verifier of logs and notes, golang.org/x/mod/sumdb, as a program. */
export interface GoVerifier {
  verify(log: ForeignLog): { ok: boolean; output: string }
  remove(): void
}

/** Builds the program; answers with why not, on a machine without Go or without its module. */
export function buildGoVerifier(): GoVerifier | string {
  if (spawnSync('go', ['version']).status !== 0) return 'Go is not installed'
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-go-'))
  const program = path.join(directory, 'verifier')
  const options = { cwd: SOURCE, encoding: 'utf8', timeout: BUILD_TIMEOUT_MS } as const
  if (spawnSync('go', ['mod', 'download'], options).status !== 0) return 'golang.org/x/mod cannot be downloaded'
  const built = spawnSync('go', ['build', '-mod=readonly', '-o', program, '.'], options)
  if (built.status !== 0) throw new Error(`the verifier does not compile: ${built.stderr}`)
  return {
    verify(log) {
      const { status, stdout } = spawnSync(program, { input: JSON.stringify(log), encoding: 'utf8', timeout: 30_000 })
      return { ok: status === 0, output: stdout.trim() }
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
