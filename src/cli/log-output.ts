import { VaultError } from '../values/vault-error.ts'

/** The reader of the output has ended, such as `head` after its last line. */
class ReaderGone extends VaultError {
  override readonly name = 'ReaderGone'

  constructor() {
    super('the reader of the output has ended')
  }
}

// What a write fails with is its caller's to handle, and ends the process otherwise.
const ignore = () => {}

/** Writes to stdout, and returns when the reader has taken it or the system has. @throws {ReaderGone} */
export function writeOut(text: string): Promise<void> {
  if (!process.stdout.listeners('error').includes(ignore)) process.stdout.on('error', ignore)
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error) resolve()
      else reject((error as NodeJS.ErrnoException).code === 'EPIPE' ? new ReaderGone() : error)
    })
  })
}
