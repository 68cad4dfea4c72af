#!/usr/bin/env node
import './start/current-node.ts'
import './start/buffer-sweeping.ts'
import './start/compile-cache.ts'

// On an older Node.js, which native packages crash on when they are imported, what is above does not come to an end.
const { runProgram } = await import('./cli/program.ts')
await runProgram()
