import type { VaultClient } from '@strongroom/client'

/** The shop passes on what a shopper asks for. With an id of its own as key it can be sent again. */
export async function passOn(vault: VaultClient, customer: string, ticket: string) {
  const { id, due_at } = await vault.shoppers.openRequest(
    { kind: 'access', customer, jurisdiction: 'gdpr' },
    { idempotencyKey: ticket },
  )
  return { id, due: due_at.slice(0, 10) }
}

/** The ids of those that are not answered yet. */
export async function listOpen(vault: VaultClient) {
  const ids: string[] = []
  for await (const request of vault.shoppers.requests({ state: 'open' })) ids.push(request.id)
  return ids
}

/** Records how the shopper proved who they are, and answers: the zip goes to the shopper. */
export async function answer(vault: VaultClient, id: string) {
  const { customer } = await vault.shoppers.getRequest(id)
  await vault.shoppers.changeRequest(id, {
    state: 'in-progress',
    identity: { method: 'signed-in', at: '2026-11-24T10:00:00Z', by: 'account page' },
  })
  const zip = await vault.shoppers.report({ customer, request: id })
  const { state } = await vault.shoppers.changeRequest(id, { state: 'done' })
  return { zip, state }
}

/** Erases everything that is held of a shopper; a hold may keep some records for now. */
export async function eraseAll(vault: VaultClient, customer: string) {
  const { erased, postponed } = await vault.shoppers.erase({ customer, reason: 'asked by the shopper' })
  return [erased, postponed]
}
