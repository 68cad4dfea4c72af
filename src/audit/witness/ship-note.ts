import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import type { Agent } from 'node:https'
import { postText, Undelivered } from './post-text.ts'
import type { CommandTarget, FileTarget, UrlTarget } from './witnesses-file.ts'

const COMMAND_TIMEOUT_MS = 30_000

/** Ships a signed note to a target that does not answer with a signature. @throws {Undelivered} */
export async function shipNote(
  target: FileTarget | CommandTarget | UrlTarget,
  note: string,
  agent?: Agent,
): Promise<void> {
  if (target.kind === 'file') await appendNote(target.file, note)
  else if (target.kind === 'command') await giveToCommand(target, note)
  else {
    const { status } = await postText({ ...target, body: note, agent })
    if (status < 200 || status > 299) throw new Undelivered(`answered ${status}`)
  }
}

/** Adds the note and an empty line at the end of the file, durably. */
async function appendNote(file: string, note: string): Promise<void> {
  try {
    const handle = await open(file, 'a', 0o600)
    try {
      const bytes = Buffer.from(`${note}\n`)
      const { size } = await handle.stat()
      const { bytesWritten } = await handle.write(bytes)
      if (bytesWritten < bytes.length) {
        // The disk is full: half a note would spoil the next one. A file that can only grow keeps it.
        await handle.truncate(size).catch(() => {})
        throw new Undelivered('the note is too long')
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw error instanceof Undelivered ? error : new Undelivered(`cannot be written (${codeOf(error)})`)
  }
}

/** Runs the program with the note on its standard input; it must read it and end with 0. */
function giveToCommand({ program, args }: CommandTarget, note: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // The environment of the vault may hold the password of the database.
    const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC' }
    const child = spawn(program, args, { cwd: '/', env, detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      killGroup(child.pid)
    }, COMMAND_TIMEOUT_MS)
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(new Undelivered(`cannot be started (${codeOf(error)})`))
    })
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) resolve()
      else reject(new Undelivered(isLate ? 'did not end in time' : `ended with ${code ?? signal}`))
    })
    // A program that does not read to the end says by its exit code whether that was enough.
    child.stdin.on('error', () => {})
    child.stdin.end(note)
  })
}

/** A child that was spawned detached leads a group of processes, which it may have filled. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown'
}
