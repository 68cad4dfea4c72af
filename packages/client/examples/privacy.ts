import type { VaultClient } from '@strongroom/client'

/** The version that a page shows, and what has changed since the one before. */
export async function showPolicy(vault: VaultClient) {
  const { version, changes } = await vault.privacy.policy()
  const { sha256 } = await vault.privacy.policy(version)
  return { version, sha256, differences: changes?.differences.map(({ text }) => text) ?? [] }
}

/** A shopper ticks a box, with the receipt that the shop sends them. */
export async function giveConsent(vault: VaultClient, customer: string) {
  const { consents, receipt } = await vault.privacy.changeConsents({ customer, give: ['marketing'] })
  const { keys } = await vault.privacy.receiptKeys()
  return { consents, receipt, keys: keys.length }
}

/** A shopper no longer wants their card to be kept. */
export async function forgetCards(vault: VaultClient, customer: string) {
  const { erased } = await vault.privacy.changeConsents({ customer, withdraw: ['store-card'] })
  return erased
}
