import { type Command, Option } from 'commander'
import { purposes } from '../access/policy/purpose.ts'
import { auditEventTypes } from '../audit/event/audit-event.ts'
import type { EventFilter } from '../audit/reading/event-filter-store.ts'
import type { Vault } from '../vault.ts'
import { label, pointInTime } from './arguments.ts'
import { printStatus } from './command.ts'
import { bringRootKey } from './custodians.ts'

export interface LogFilterOptions extends Omit<EventFilter, 'tokens'> {
  customer?: string
}

const DEFAULT_SITE = 'default'

/** A command that reads a part of the log. */
export function withLogFilter(command: Command): Command {
  return command
    .option('--caller <caller>', 'only events of this caller')
    .option('--token <token>', 'only events of this record')
    .option('--customer <customer>', "only events of this customer's records, on --site or the default one")
    .addOption(new Option('--purpose <purpose>', 'only events of this purpose').choices(purposes))
    .addOption(new Option('--type <type>', 'only events of this type').choices(auditEventTypes))
    .option(
      '--since <time>',
      'only events of this time or later: RFC 3339, YYYY-MM-DD, or 24h for 24 hours ago',
      pointInTime,
    )
    .option('--until <time>', 'only events before this time', pointInTime)
    .option('--site <site>', 'only events of this site, and those of the whole vault', label)
}

/** What the options ask for. The records of a customer are found by the index, which needs the vault's keys. */
export async function readLogFilter(options: LogFilterOptions, vault: Vault): Promise<EventFilter> {
  const { caller, token, customer, purpose, type, since, until, site } = options
  const filter = { caller, token, purpose, type, since, until, site }
  if (customer === undefined) return filter
  await bringRootKey(vault)
  const tokens = await vault.commands.findCustomerTokens(site ?? DEFAULT_SITE, customer)
  if (tokens.length === 0)
    printStatus('no record of this customer is known; what was erased cannot be found by its customer.')
  return { ...filter, tokens, site: site ?? DEFAULT_SITE }
}
