import type { ClientWithSecrets } from '../ledger/client-store.ts'

/**
 * The hash that a secret must be compared with: the present one's or, by the secret's first characters, that of the one
 * before while it still works. So there is always one comparison, and its time reveals no rotation. Undefined if
 * neither works any longer.
 */
export function hashToCompare(client: ClientWithSecrets, secret: string, now: Date): string | undefined {
  const { secret_start, secret_hash, secret_expires_at, previous_secret_hash, previous_secret_expires_at } = client
  const isPresent = secret_start === null || secret.startsWith(secret_start)
  const isPreviousAlive = previous_secret_expires_at !== null && previous_secret_expires_at > now
  if (!isPresent && isPreviousAlive) return previous_secret_hash ?? undefined
  const isExpired = secret_expires_at !== null && secret_expires_at <= now
  return isExpired ? undefined : (secret_hash ?? undefined)
}

/**
 * Whether the secret begins as one of the client's does. Only a sender that has seen the secret can do that, so it may
 * wait apart from guesses.
 */
export function beginsRight(
  { secret_start, previous_secret_start }: Pick<ClientWithSecrets, 'secret_start' | 'previous_secret_start'>,
  secret: string,
): boolean {
  return [secret_start, previous_secret_start].some((start) => start !== null && secret.startsWith(start))
}

/** Whether the secret begins as a former secret of the client. */
export function isOver(client: ClientWithSecrets, secret: string, now: Date): boolean {
  const { secret_start, secret_expires_at, previous_secret_start, previous_secret_expires_at } = client
  const isOne = (start: string | null, end: Date | null) =>
    start !== null && secret.startsWith(start) && end !== null && end <= now
  return isOne(secret_start, secret_expires_at) || isOne(previous_secret_start, previous_secret_expires_at)
}
