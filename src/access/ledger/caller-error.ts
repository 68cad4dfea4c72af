/** The operator asked for something that cannot be; the message is for the terminal. */
export class CallerError extends Error {
  override readonly name = 'CallerError'
}
