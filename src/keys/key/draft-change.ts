/** What a change of the registry leaves in the audit log. */
export type DraftChange =
  /** `public_key` verifies the signatures of a key of the audit log. */
  | { type: 'key.create'; subject: string; public_key?: string }
  | { type: 'key.promote' | 'key.deactivate' | 'key.compromise' | 'key.destroy'; subject: string }
  | { type: 'key.close'; subject: string }
  | { type: 'key.reopen'; subject: string; reason: string }
  | { type: 'root-key.replace'; subject: string }

/** The event of a key that enters that state. */
export const EVENT_OF = {
  active: 'key.promote',
  deactivated: 'key.deactivate',
  compromised: 'key.compromise',
  destroyed: 'key.destroy',
} as const
