import { expect, it } from 'vitest'
import { sourceFiles, withoutComments } from './support/source-files.ts'

/**
 * Repeated work is a task of `src/observability/background.ts`, which reports its failures; except for what touches no
 * data.
 */
const MAY_REPEAT: Readonly<Record<string, string>> = {
  'src/embedded-postgres/embedded-init.ts': 'looks whether the process that started it is there',
  'src/http/listener.ts': 'closes idle connections at the end',
  'src/http/tls/client-crl.ts': 'looks whether a revocation list is out of date',
  'src/http/tls/session-tickets.ts': 'draws another key of session tickets every hour',
  'src/http/tls/tls.ts': 'looks at the files of the certificate; serve.ts reports',
  'src/observability/logger.ts': 'writes lines that wait',
  'src/start/serve.ts': 'looks whether the vault is open, to say so at the terminal',
}

it('what repeats is a background task', () => {
  const repeating = sourceFiles('src').filter(
    ({ path, text }) => !path.endsWith('.test.ts') && /\bsetInterval\(/.test(withoutComments(text)),
  )
  expect(repeating.map(({ path }) => path).sort()).toEqual(Object.keys(MAY_REPEAT))
})
