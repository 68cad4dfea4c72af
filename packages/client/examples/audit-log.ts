import type { VaultClient } from '@strongroom/client'

/** Who did what with a record. */
export async function historyOf(vault: VaultClient, token: string) {
  const lines: string[] = []
  for await (const { type, outcome, purpose } of vault.audit.events({ token })) {
    lines.push([type, outcome, purpose].filter(Boolean).join(' '))
  }
  return lines
}

/** What proves to a stranger that the event is in the log. */
export async function proofOf(vault: VaultClient, event: string) {
  return await vault.audit.receipt(event)
}

/** What a monitor of the log reads: the checkpoint, what is published, and the first tile of hashes. */
export async function readTree(vault: VaultClient) {
  const [, size = '0'] = (await vault.audit.checkpoint()).split('\n')
  const { minimum_index } = await vault.audit.minimumIndex()
  const leaves = Math.min(Number(size), 256)
  const tile = await vault.audit.tile(leaves === 256 ? '0/000' : `0/000.p/${leaves}`)
  return { leaves, minimum_index, hashes: tile.length / 32 }
}
