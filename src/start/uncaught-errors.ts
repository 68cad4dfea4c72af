import { describeError } from '../observability/describe-error.ts'

/**
 * The last resort: an uncaught error ends the process, and says where it came from without its message. Node itself
 * would print the message and every property, which quote values.
 */
export function endOnUncaughtErrors(): void {
  const end = (error: unknown) => {
    process.stderr.write(`An unexpected error ended the process: ${describeError(error)}\n`)
    process.exit(1)
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}
