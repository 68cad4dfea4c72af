import { closeSync, constants, lstatSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import path from 'node:path'
import { folderFault, isWritableByOthers } from '../../config/trusted-file.ts'

/** unix(7): 108 bytes with the NUL on Linux; 104 on macOS. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103

/** The operator's socket of the vault with that data directory. */
export function operatorSocketOf(dataDir: string): string {
  return path.join(dataDir, 'operator.sock')
}

/**
 * Listens on a UNIX socket of mode 0600, in a folder that it makes (mode 0700) if there is none. A socket that a killed
 * server left is replaced; one at which a server answers is not.
 *
 * @returns a function that ends it, once the server has closed, which removes the socket
 * @throws {Error} one sentence that says the cure
 */
export async function listenOnSocket(server: Server, file: string): Promise<() => void> {
  const folder = path.dirname(file)
  makeFolder(folder)
  const fault = folderFault(folder, statSync(folder))
  if (fault !== undefined) throw new Error(fault)
  const { address, release } = shorten(file)
  try {
    if (await isAnswered(address)) {
      throw new Error(`another vault answers at ${file}; stop it or choose another STRONGROOM_DATA_DIR.`)
    }
    removeSocket(file)
    await listen(server, address).catch((error: NodeJS.ErrnoException) => {
      throw new Error(`the operator socket ${file} cannot be made (${error.code}): ${OWN_FOLDER}`)
    })
    return release
  } catch (error) {
    release()
    throw error
  }
}

/**
 * The address to connect to, for a socket that only the vault can have made: it and its folder belong to one user or to
 * root, and others cannot replace it. `release` is called when the connection has ended.
 *
 * @throws {Error} of the file system, if there is none
 * @throws {Error} one sentence, if others could have made it
 */
export function openSocketAddress(file: string): { address: string; release: () => void } {
  const folder = statSync(path.dirname(file))
  const socket = lstatSync(file)
  const isOwners = socket.uid === folder.uid || socket.uid === 0
  if (!socket.isSocket() || !isOwners || isWritableByOthers(folder)) {
    throw new Error(
      `${file} may belong to another user: run "chmod 700 ${path.dirname(file)}", and start the vault again.`,
    )
  }
  return shorten(file)
}

const OWN_FOLDER = "STRONGROOM_DATA_DIR must be a folder of the vault's user."

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new Error(`the folder ${folder} cannot be made (${(error as NodeJS.ErrnoException).code}): ${OWN_FOLDER}`)
  }
}

/** A path that is too long is reached through its folder, which Linux names by its descriptor. */
function shorten(file: string): { address: string; release: () => void } {
  if (Buffer.byteLength(file) <= MAX_PATH_BYTES) return { address: file, release: () => {} }
  if (process.platform !== 'linux') {
    throw new Error(`the path ${file} is too long for a socket: choose a shorter STRONGROOM_DATA_DIR.`)
  }
  const folder = openSync(path.dirname(file), constants.O_RDONLY | constants.O_DIRECTORY)
  return { address: `/proc/self/fd/${folder}/${path.basename(file)}`, release: () => closeSync(folder) }
}

/** The socket is the user's alone from the first moment on. */
function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const before = process.umask(0o177)
    try {
      server.listen(address, () => {
        server.off('error', reject)
        resolve()
      })
    } finally {
      process.umask(before)
    }
  })
}

/** Any other failure, such as a server that is too busy, leaves the socket alone. */
const NOBODY_THERE = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK'])

function isAnswered(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(!NOBODY_THERE.has(code ?? '')))
  })
}

/** Only a socket: another file of that name stays, and listening reports that it is in the way. */
function removeSocket(file: string): void {
  if (lstatSync(file, { throwIfNoEntry: false })?.isSocket()) rmSync(file, { force: true })
}
