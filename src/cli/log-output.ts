import { VaultError } from '../values/vault-error.ts'

/** The reader of the output has ended, such as `head` after its last line. */
class ReaderGone extends VaultError {
  override readonly name = 'ReaderGone'

  constructor() {
    super('the reader of the output has ended')
  }
}

// The caller of a write handles its error, which would otherwise end the process.
const ignore = () => {}

/** Writes to stdout, and resolves when the reader or the system has taken the text. @throws {ReaderGone} */
export function writeOut(text: string): Promise<void> {
  if (!process.stdout.listeners('error').includes(ignore)) process.stdout.on('error', ignore)
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error) resolve()
      else reject((error as NodeJS.ErrnoException).code === 'EPIPE' ? new ReaderGone() : error)
    })
  })
}
