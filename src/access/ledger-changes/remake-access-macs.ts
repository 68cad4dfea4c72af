import type { Queryable } from '../../database/database.ts'
import type { Remaking } from '../../keys/registry/remake-macs.ts'
import { appliedSets, setText } from '../applied-sets/applied-set.ts'
import { selectNewestSet, updateSetMac } from '../applied-sets/applied-set-store.ts'
import { approvalText } from '../approvals/approval-mac.ts'
import { lockApproved, lockOpen, updateApprovalMac, updateRequestMac } from '../approvals/approval-store.ts'
import { requestText } from '../approvals/request-mac.ts'
import { replaceLedger, selectLedgerFrom } from '../ledger/access-ledger-store.ts'
import { clientText, contractText, type MacText } from '../ledger/access-macs.ts'
import { selectClientsWithSecrets, updateClientMac } from '../ledger/client-store.ts'
import { remakeChain } from '../ledger/ledger-chain.ts'
import { selectPartners, updatePartnerMac } from '../ledger/partner-store.ts'

/**
 * Makes the MACs of clients, contracts, the newest sets of roles and of destinations, approvals, open requests for them and the ledger of
 * access again, in the transaction that replaces their key. No other writer makes one in that time (`Macs.hold`). Rows
 * that the vault did not write stay as they are, and so do older sets, which are no longer in force.
 */
export async function remakeAccessMacs(tx: Queryable, remaking: Remaking): Promise<void> {
  const { isOurs, make } = remaking
  const remade = ({ domain, text }: MacText, mac: Buffer | null): Buffer | undefined =>
    isOurs(domain, text, mac) ? make(domain, text) : undefined

  for (const client of await selectClientsWithSecrets(tx)) {
    const mac = remade(clientText(client), client.mac)
    if (mac !== undefined) await updateClientMac(tx, client.id, mac)
  }
  for (const partner of await selectPartners(tx)) {
    const mac = remade(contractText(partner), partner.mac)
    if (mac !== undefined) await updatePartnerMac(tx, partner.id, mac)
  }
  for (const applied of appliedSets) {
    const newest = await selectNewestSet(tx, applied)
    const mac = newest && remade(setText(applied, newest), newest.mac)
    if (newest !== undefined && mac !== undefined) await updateSetMac(tx, applied, { ...newest, mac })
  }
  const entries = await selectLedgerFrom(tx, 0)
  const remadeLedger = await remakeChain(entries, remaking)
  if (remadeLedger !== undefined) await replaceLedger(tx, remadeLedger)
  for (const approval of await lockApproved(tx)) {
    const approvalMac = remade(approvalText(approval), approval.mac)
    if (approvalMac !== undefined) await updateApprovalMac(tx, approval.id, approvalMac)
  }
  for (const request of await lockOpen(tx)) {
    const open = remade(requestText(request), request.request_mac)
    if (open !== undefined) await updateRequestMac(tx, request.id, open)
  }
}
