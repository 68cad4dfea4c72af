import type { Config } from '../../config/config-sections.ts'
import { isGuessablePassphrase, passphraseFiles } from '../../keys/root-key/passphrase-file.ts'
import { RootKeyConfigError } from '../../keys/root-key/root-key.ts'
import type { Finding } from './doctor.ts'

/**
 * Which passphrases in use are too weak for a new root key. They do not refuse a start, because what they opened must
 * still open. The examination can take seconds, so only the doctor does it.
 */
export async function examinePassphrases({ keys }: Config): Promise<Finding[]> {
  if (keys.provider !== 'passphrase-file') return []
  const files = await passphraseFiles(keys.passphraseFile)
  const guessable = await Promise.all(files.map(isGuessable))
  return files.filter((_file, at) => guessable[at]).map(weak)
}

async function isGuessable(file: string): Promise<boolean> {
  try {
    return await isGuessablePassphrase(file)
  } catch (error) {
    // A file that cannot be used is a finding of its own.
    if (error instanceof RootKeyConfigError) return false
    throw error
  }
}

function weak(file: string): Finding {
  return {
    code: 'weak-passphrase',
    severity: 'warning',
    detail: `the passphrase in ${file} can be guessed: run "strongroom keys rotate root", which makes a root key of a random one, and remove this file when no backup of its time is needed.`,
  }
}
