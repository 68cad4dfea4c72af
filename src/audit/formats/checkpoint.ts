import { hashOfBase64 } from './canonical-base64.ts'
import { NoteError, parseNote, type SignedNote } from './signed-note.ts'

/**
 * Checkpoints, as C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint) writes them: a signed note over the origin of a log,
 * the number of its leaves, and the root of its tree.
 */
export interface Checkpoint {
  origin: string
  size: number
  /** 32 bytes. */
  root: Buffer
  /** The vault whose log it is, if the checkpoint names one. */
  vault?: VaultMark | undefined
}

/** The vault that signed a checkpoint, and the generation of its key registry at that time. */
export interface VaultMark {
  vault: string
  generation: number
}

/** The mark of the vault is an extension line, which others read as text that has no meaning for them. */
const EXTENSION = /^vault (vault_[0-9a-z]{26}) generation (0|[1-9]\d{0,14})$/

export function formatCheckpoint({ origin, size, root, vault }: Checkpoint): string {
  const extension = vault === undefined ? '' : `vault ${vault.vault} generation ${vault.generation}\n`
  return `${origin}\n${size}\n${root.toString('base64')}\n${extension}`
}

/** What a signed note says about the log. The caller verifies the signatures. @throws {NoteError} */
export function parseCheckpoint(note: string): Checkpoint & { note: SignedNote } {
  const signed = parseNote(note)
  const [origin = '', size = '', root = '', ...extensions] = signed.text.split('\n')
  const bytes = hashOfBase64(root)
  const isOfTheForm = origin !== '' && /^(0|[1-9]\d{0,15})$/.test(size) && Number.isSafeInteger(Number(size))
  if (!isOfTheForm || bytes === undefined) {
    throw new NoteError('the note is not a checkpoint of a log')
  }
  return { origin, size: Number(size), root: bytes, vault: vaultMark(extensions), note: signed }
}

function vaultMark(lines: readonly string[]): VaultMark | undefined {
  for (const line of lines) {
    const [, vault, generation] = EXTENSION.exec(line) ?? []
    if (vault !== undefined) return { vault, generation: Number(generation) }
  }
  return undefined
}

/**
 * Why a key registry cannot belong to such a checkpoint: it is another vault's, or older. Undefined if it can, or if
 * the checkpoint, of an early version, does not say. The signature is not verified here.
 */
export function findStepBack(
  registry: VaultMark,
  { vault: signed }: Checkpoint,
): 'another-vault' | 'older' | undefined {
  if (signed === undefined) return undefined
  if (signed.vault !== registry.vault) return 'another-vault'
  return registry.generation < signed.generation ? 'older' : undefined
}
