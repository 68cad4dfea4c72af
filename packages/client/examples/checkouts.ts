import { type VaultClient, VaultProblem } from '@strongroom/client'

/** Stores a checkout. With the id of the order as key it can be sent again, by another process too. */
export async function storeCheckout(vault: VaultClient, orderId: string) {
  const stored = await vault.checkouts.tokenize(
    {
      customer: 'cus_2007',
      card: { number: '4242 4242 4242 4242', exp_month: 12, exp_year: 2031, holder_name: 'Tan Mei Ling' },
      shipping_address: { name: 'Tan Mei Ling', line1: '1 Raffles Place', postal_code: '048616', country: 'SG' },
      contact: { name: 'Tan Mei Ling', email: 'mei@example.sg' },
    },
    { idempotencyKey: orderId },
  )
  return {
    card: stored.card?.token ?? '',
    address: stored.shipping_address?.token ?? '',
    contact: stored.contact?.token ?? '',
    shown: `${stored.card?.brand} •••• ${stored.card?.last4}`,
  }
}

/** Stores many. Each has a status of its own. */
export async function importCheckouts(vault: VaultClient) {
  const { results } = await vault.checkouts.tokenizeMany([
    { contact: { email: 'ann@example.com' } },
    { contact: { email: 'no mailbox' } },
  ])
  return results.map((result) => ('code' in result ? result.code : result.contact?.token))
}

/** What a shopper has to correct, as JSON pointers into the checkout. */
export async function findWrongFields(vault: VaultClient) {
  try {
    await vault.checkouts.tokenize({ card: { number: '4242 4242 4242 4241', exp_month: 12, exp_year: 2031 } })
    return []
  } catch (error) {
    if (!(error instanceof VaultProblem) || error.status !== 422) throw error
    return error.errors.map(({ pointer }) => pointer)
  }
}

/** Sends a shopper to the vault's own page. The shop keeps the id with the order. */
export async function openCheckoutPage(vault: VaultClient, shop: string) {
  const { id, url } = await vault.checkouts.openSession({
    origins: [new URL(shop).origin],
    parts: ['card', 'billing_address'],
    return_url: `${shop}/thanks`,
  })
  return { id, url }
}

/** What the shopper stored, asked with the id that the shop opened for this order; undefined while nothing is. */
export async function findStoredCard(vault: VaultClient, id: string) {
  const { state, tokens } = await vault.checkouts.getSession(id)
  return state === 'completed' ? tokens.card?.token : undefined
}

/** Keeps the security code that a shopper has typed again for a stored card. It serves one payment. */
export async function keepSecurityCode(vault: VaultClient, card: string, code: string) {
  const { security_code } = await vault.checkouts.keepSecurityCode({ card, code })
  return security_code
}
