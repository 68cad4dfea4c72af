import type { VaultClient } from '@strongroom/client'

/** Pays with a stored card at a destination of the vault, without ever holding the number. */
export async function pay(vault: VaultClient, card: string, orderId: string) {
  const request = {
    destination: 'acquirer',
    purpose: 'process-payment',
    tokens: { card },
    input: { amount: 12900, reference: orderId },
  } as const
  const { request: shown } = await vault.tokens.previewForward(request)
  const { status, body } = await vault.tokens.forward(request, { idempotencyKey: orderId })
  return { url: shown.url, status, body }
}

/** What may be shown of a record. */
export async function showMasked(vault: VaultClient, token: string) {
  const record = await vault.tokens.get(token)
  return record.kind === 'card' ? `${record.brand} •••• ${record.last4}` : record.kind
}

/** The fields that a role may see for its purpose. `event` is the audit event of the release. */
export async function revealAddress(vault: VaultClient, token: string) {
  const release = await vault.tokens.reveal(token, { purpose: 'provide-goods' })
  if (release.kind !== 'address') throw new Error('the token is not of an address')
  const { line1, postal_code, country } = release.data
  return { label: [line1, postal_code, country].join(', '), event: release.event }
}

/** The same for a partner, encrypted to its key: what carries the JWE cannot read it. */
export async function releaseAddress(vault: VaultClient, token: string, partner: string) {
  const { jwe, event } = await vault.tokens.release(token, { partner, purpose: 'provide-goods' })
  return { jwe, event }
}

/** Several records for one purpose. One that is not released has a code in its place. */
export async function revealExpiries(vault: VaultClient, tokens: readonly string[]) {
  const items = tokens.map((token) => ({ token, fields: ['exp_year'] }))
  const { results } = await vault.tokens.revealMany({ purpose: 'process-payment', items })
  return results.map((result) => ('code' in result ? result.code : result.kind === 'card' && result.data.exp_year))
}

/** Compares without releasing. */
export async function isSameCard(vault: VaultClient, token: string) {
  const { matches } = await vault.tokens.match(token, { fields: { last4: '4242', name: 'TAN, Mei Ling' } })
  return matches
}

/** The records of a shopper, masked. */
export async function findByEmail(vault: VaultClient, email: string) {
  const { results, truncated } = await vault.tokens.search({ by: 'email', value: email })
  return { tokens: results.map(({ token }) => token), truncated }
}

/** null removes a field. */
export async function correctContact(vault: VaultClient, token: string) {
  const corrected = await vault.tokens.correct(token, {
    email: 'new@example.sg',
    name: null,
    reason: 'asked by the shopper',
  })
  return corrected.version
}

export async function erase(vault: VaultClient, token: string) {
  await vault.tokens.erase(token, { reason: 'asked by the shopper' })
}

/** The same call without a body, for roles that need not say why. */
export async function eraseWithoutReason(vault: VaultClient, token: string) {
  await vault.tokens.delete(token)
}
