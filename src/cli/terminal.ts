import { Interrupted } from '../start/interruption.ts'
import { VaultError } from '../values/vault-error.ts'

/** A person at a terminal: what is asked and shown here goes nowhere else. */
export interface Terminal {
  show(text: string): void
  /** Reads one line, shown as it is typed. */
  ask(question: string): Promise<string>
  /** Reads one line, shown as dots. */
  askSecret(question: string): Promise<string>
  /** Clears the screen and what can be scrolled back to. */
  clear(): void
}

/** There is no terminal. */
class NoTerminal extends VaultError {
  override readonly name = 'NoTerminal'
}

const CLEAR = '\x1b[2J\x1b[3J\x1b[H'
const MAX_LINE = 1024

/**
 * The terminal of this process. Shares are read from it and shown on it, and never come from arguments, the environment, a
 * pipe or a file (PCI DSS 3.6.1.3), so both directions must be one.
 *
 * @throws {NoTerminal}
 */
export function openTerminal(what: string): Terminal {
  const stdin = process.stdin
  const stderr = process.stderr
  if (!stdin.isTTY || !stderr.isTTY) {
    throw new NoTerminal(
      `${what} are typed and shown at a terminal only: run this command at one, without redirection.`,
    )
  }
  const show = (text: string) => void stderr.write(text)
  return {
    show,
    ask: (question) => readLine(question, (typed) => typed),
    askSecret: (question) => readLine(question, (typed) => '•'.repeat(typed.length)),
    clear: () => show(CLEAR),
  }

  function readLine(question: string, echo: (typed: string) => string): Promise<string> {
    show(question)
    return new Promise((resolve, reject) => {
      let line = ''
      const end = (settle: () => void) => {
        stdin.off('data', onData)
        stdin.setRawMode(false)
        stdin.pause()
        show('\n')
        settle()
      }
      const onData = (data: Buffer) => {
        for (const character of data.toString('utf8')) {
          if (character === '\r' || character === '\n') return end(() => resolve(line))
          if (character === '\x03' || character === '\x04') {
            return end(() => reject(new Interrupted('given up: nothing was changed by what was not finished')))
          }
          if (character === '\x7f' || character === '\b') {
            if (line.length > 0) show('\b \b')
            line = line.slice(0, -1)
          } else if (character >= ' ' && line.length < MAX_LINE) {
            line += character
            show(echo(character))
          }
        }
      }
      stdin.setRawMode(true)
      stdin.on('data', onData)
      stdin.resume()
    })
  }
}
