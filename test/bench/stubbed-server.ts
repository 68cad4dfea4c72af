/** The vault with its store left out: what is written is done at once. Everything else is the server's own path. */
import '../../src/start/buffer-sweeping.ts'
import { readConfig } from '../../src/config/config.ts'
import { createTicketSecret } from '../../src/http/tls/session-tickets.ts'
import { openVault } from '../../src/start/open-vault.ts'
import { listenToCallers } from '../../src/start/serve.ts'

const config = readConfig()
const vault = await openVault(config, {
  role: 'server',
  log: () => {},
  overrides: {
    batches: {
      insert: async () => undefined,
      release: async ({ records }) => records.map(() => undefined),
      releaseApproved: async () => undefined,
      commitMatch: async () => true,
    },
  },
})
await listenToCallers(config, vault, createTicketSecret())
process.once('SIGTERM', () => process.exit(0))
