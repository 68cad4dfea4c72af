import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { listenOnSocket, openSocketAddress, operatorSocketOf } from './unix-socket.ts'

// It starts programs, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

let directory: string
let ends: (() => Promise<void>)[]
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-socket-'))
  ends = []
})
afterEach(async () => {
  for (const end of ends) await end()
  rmSync(directory, { recursive: true, force: true })
})

async function listen(file: string, text: string): Promise<() => Promise<void>> {
  const server: Server = createServer((_request, response) => response.end(text))
  const release = await listenOnSocket(server, file)
  const end = async () => {
    if (!server.listening) return
    server.close()
    await once(server, 'close')
    release()
  }
  ends.push(end)
  return end
}

async function ask(file: string): Promise<string> {
  const { address, release } = openSocketAddress(file)
  const call = request({ socketPath: address, agent: false }).end()
  try {
    const [response] = await once(call, 'response')
    return (await response.setEncoding('utf8').toArray()).join('')
  } finally {
    release()
  }
}

/** A server that was killed leaves its socket. It is named from its folder, since its path may be too long. */
async function leaveSocket(file: string): Promise<void> {
  const listening = "require('net').createServer().listen('operator.sock', () => console.log('listening'))"
  const child = spawn(process.execPath, ['-e', listening], {
    cwd: path.dirname(file),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(existsSync(file)).toBe(true)
}

describe.skipIf(process.platform === 'win32')('the operator socket', () => {
  it('is open to its user alone, whatever the umask, in a folder that is made so', async () => {
    const file = operatorSocketOf(path.join(directory, 'new', 'data'))
    const before = process.umask(0)
    const end = await listen(file, 'here').finally(() => process.umask(before))
    expect(process.umask()).toBe(before)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700)
    expect(await ask(file)).toBe('here')
    await end()
    expect(existsSync(file)).toBe(false)
  })

  it('that a killed server left is replaced', async () => {
    const file = operatorSocketOf(directory)
    await leaveSocket(file)
    await listen(file, 'the next one')
    expect(await ask(file)).toBe('the next one')
  })

  it('at which a server answers is not: the second server fails, and the first continues', async () => {
    const file = operatorSocketOf(directory)
    await listen(file, 'the first one')
    await expect(listen(file, 'the second one')).rejects.toThrow(/another vault answers at .*STRONGROOM_DATA_DIR\.$/)
    expect(await ask(file)).toBe('the first one')
  })

  it('takes the place of nothing but a socket', async () => {
    const file = operatorSocketOf(directory)
    writeFileSync(file, 'mine')
    await expect(listen(file, 'here')).rejects.toThrow(/cannot be made \(EADDRINUSE\): .*\.$/)
    expect(statSync(file).isFile()).toBe(true)
    rmSync(file)
    symlinkSync('/nonexistent', file)
    await expect(listen(file, 'here')).rejects.toThrow(/cannot be made/)
  })

  it('has a path of any length', async () => {
    for (const length of [80, 150, 240]) {
      const file = operatorSocketOf(path.join(directory, 'd'.repeat(length)))
      const end = await listen(file, `behind ${length}`)
      expect(statSync(file).mode & 0o777).toBe(0o600)
      expect(await ask(file)).toBe(`behind ${length}`)
      await end()
      expect(existsSync(file)).toBe(false)
      await leaveSocket(file)
      await listen(file, 'again')
      expect(await ask(file)).toBe('again')
    }
  })

  it.each(['0777', '0722', '1777'])('is made in no folder that others can write to (mode %s)', async (mode) => {
    chmodSync(directory, Number.parseInt(mode, 8))
    await expect(listen(operatorSocketOf(directory), 'here')).rejects.toThrow(/others can write .*chmod 700 .*\.$/)
  })

  it('is made in no folder that cannot be made', async () => {
    writeFileSync(path.join(directory, 'file'), '')
    const file = operatorSocketOf(path.join(directory, 'file', 'data'))
    await expect(listen(file, 'here')).rejects.toThrow(/cannot be made \(ENOTDIR\): STRONGROOM_DATA_DIR must be .*\.$/)
  })

  it('gets no share if others could have made it', async () => {
    const file = operatorSocketOf(directory)
    await listen(file, 'here')
    chmodSync(directory, 0o777)
    await expect(ask(file)).rejects.toThrow(/may belong to another user: run "chmod 700/)
    chmodSync(directory, 0o700)
    expect(await ask(file)).toBe('here')
    mkdirSync(path.join(directory, 'other'))
    writeFileSync(operatorSocketOf(path.join(directory, 'other')), '')
    await expect(ask(operatorSocketOf(path.join(directory, 'other')))).rejects.toThrow(/may belong to another user/)
  })

  it.skipIf(process.geteuid?.() !== 0)('gets no share when another user than the folder’s made it', async () => {
    const file = operatorSocketOf(directory)
    await listen(file, 'here')
    chownSync(file, 54_321, 54_321)
    await expect(ask(file)).rejects.toThrow(/may belong to another user/)
    // Root brings a share to the server of another user, whose folder and socket they are.
    chownSync(directory, 54_321, 54_321)
    expect(await ask(file)).toBe('here')
    await expect(listen(operatorSocketOf(directory), 'here')).rejects.toThrow(/belongs to another user/)
  })
})
