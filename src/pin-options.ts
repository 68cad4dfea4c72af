import type { Logger } from './http/request-log.ts'

/** How the vault and its root key are pinned in that file. */
export function pinOptions(file: string, production: boolean, logger: Logger) {
  const onUnwritable = (reason: string) =>
    logger.warn({ file, reason }, 'the vault and its root key are not pinned: the file cannot be written')
  return { file, mayBeginAgain: !production, onUnwritable }
}
