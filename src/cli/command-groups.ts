import type { Command } from 'commander'

/** The commands about one noun, such as `keys …`. */
interface CommandGroup {
  description: string
  /** Loads what declares its commands. */
  load: () => Promise<(group: Command) => void>
}

/** Every noun with commands. A group is loaded when the arguments name it, so that a command loads no other one. */
export const commandGroups = {
  clients: {
    description: 'the programs that may call the vault',
    load: async () => (await import('./commands/clients-commands.ts')).addClientsCommands,
  },
  staff: {
    description: 'tokens for people',
    load: async () => (await import('./commands/staff-commands.ts')).addStaffCommands,
  },
  issuers: {
    description: 'the identity providers of the staff',
    load: async () => (await import('./commands/issuers-commands.ts')).addIssuersCommands,
  },
  roles: {
    description: 'who may see what',
    load: async () => (await import('./commands/roles-commands.ts')).addRolesCommands,
  },
  access: {
    description: 'who may see what, and who may not for now',
    load: async () => (await import('./commands/access-commands.ts')).addAccessCommands,
  },
  partners: {
    description: 'the third parties that data are disclosed to',
    load: async () => (await import('./commands/partners-commands.ts')).addPartnersCommands,
  },
  notices: {
    description: 'what partners are told of corrections',
    load: async () => (await import('./privacy/notices-commands.ts')).addNoticesCommands,
  },
  withholding: {
    description: 'what an authority has ordered to keep from shoppers',
    load: async () => (await import('./privacy/withholding-commands.ts')).addWithholdingCommands,
  },
  policy: {
    description: 'the privacy policy, and what its versions let the vault release',
    load: async () => (await import('./privacy/policy-commands.ts')).addPolicyCommands,
  },
  destinations: {
    description: 'where stored data may be forwarded to',
    load: async () => (await import('./commands/destinations-commands.ts')).addDestinationsCommands,
  },
  keys: {
    description: 'the keys of the vault',
    load: async () => (await import('./commands/keys-commands.ts')).addKeysCommands,
  },
  records: {
    description: 'what the vault holds',
    load: async () => (await import('./commands/records-commands.ts')).addRecordsCommands,
  },
  retention: {
    description: 'how long records are kept',
    load: async () => (await import('./privacy/retention-commands.ts')).addRetentionCommands,
  },
  audit: {
    description: 'the audit log',
    load: async () => (await import('./commands/audit-commands.ts')).addAuditCommands,
  },
  restore: {
    description: 'what to do after an older database was put back',
    load: async () => (await import('./commands/restore-commands.ts')).addRestoreCommands,
  },
} as const satisfies Readonly<Record<string, CommandGroup>>

export type CommandGroupName = keyof typeof commandGroups
