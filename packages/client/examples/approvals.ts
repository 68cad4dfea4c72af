import { type VaultClient, VaultProblem } from '@strongroom/client'

/** Asks for a release that a second person must approve, and gives the id of the request that waits. */
export async function askForNumber(vault: VaultClient, token: string) {
  try {
    const { data } = await vault.tokens.reveal(token, {
      purpose: 'enforce-rights',
      fields: ['number'],
      reason: 'Chargeback',
    })
    return { data }
  } catch (error) {
    if (!(error instanceof VaultProblem) || error.code !== 'approval-required') throw error
    return { waitsAs: error.approval ?? '' }
  }
}

/** Everything that waits, whatever the number of pages. */
export async function listWaiting(vault: VaultClient) {
  const waiting: string[] = []
  for await (const { id } of vault.approvals.list({ state: 'pending', limit: 50 })) waiting.push(id)
  return waiting
}

/** The second person looks at the request, then decides. */
export async function approve(vault: VaultClient, approval: string) {
  const { reason, record } = await vault.approvals.get(approval)
  if (record.kind !== 'card' || reason === undefined) return (await vault.approvals.refuse(approval)).state
  return (await vault.approvals.approve(approval)).state
}

export async function refuse(vault: VaultClient, approval: string) {
  return (await vault.approvals.refuse(approval)).state
}

/** A release by breaking the glass did not wait. Another person reviews it afterwards. */
export async function review(vault: VaultClient) {
  const states: string[] = []
  for await (const { id } of vault.approvals.list({ state: 'unreviewed' })) {
    states.push((await vault.approvals.review(id)).state)
  }
  return states
}
