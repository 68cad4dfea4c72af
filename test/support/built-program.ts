import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const BUILT = fileURLToPath(new URL('../../dist', import.meta.url))

/** The built program, as a user of the package has it. `npm test` and `npm run test:e2e` build first. */
export const builtProgram = (name: 'cli', built = BUILT) => path.join(built, 'src', `${name}.js`)
/** What starts the vault, after the path of Node.js. */
export const builtServer = (built = BUILT): readonly string[] => [builtProgram('cli', built), 'serve']
