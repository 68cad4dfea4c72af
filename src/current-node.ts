import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'

/**
 * Imported first, for its effect: npm's scripts and npx run the vault on the Node.js that npm brought, but whoever starts
 * the file itself may run it on an older one, on which native packages crash without a word. A command is then started
 * again on the right one; a server says how it wants to be started, since signals must reach it directly.
 */
const OLDEST = 24

if (Number(process.versions.node.split('.')[0]) < OLDEST) {
  const command = process.argv[2]
  const node = packagedNode()
  if (node === undefined || command === undefined || command === 'serve') {
    process.stderr.write(
      `Node.js ${process.versions.node} is too old: use "npm start" or "npx strongroom", or install ${OLDEST} or newer.\n`,
    )
    process.exit(1)
  }
  const { status } = spawnSync(node, process.argv.slice(1), { stdio: 'inherit' })
  process.exit(status ?? 1)
}

function packagedNode(): string | undefined {
  const platform = process.platform === 'win32' ? 'win' : process.platform
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-${platform}-${process.arch}/package.json`)
    return path.join(path.dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  } catch {
    return undefined
  }
}
