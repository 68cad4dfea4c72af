import { z } from 'zod'
import { ConfigError } from '../../config/config.ts'
import type { RecordsConfig } from '../../config/config-sections.ts'
import { readConfigJson } from '../../config/read-config-file.ts'
import { PatternError, parseTicketPattern } from './ticket-pattern.ts'
import { authorityName, type WhyRules } from './why.ts'

const MAX_AUTHORITIES = 1_000

const authoritiesSchema = z.array(authorityName).min(1).max(MAX_AUTHORITIES)

/** Reads what an operator asks of tickets and authorities. @throws {ConfigError} in one sentence */
export async function loadWhyRules({ ticketPattern, authoritiesFile }: Partial<RecordsConfig>): Promise<WhyRules> {
  return {
    ticket: ticketPattern === undefined ? undefined : parsePattern(ticketPattern),
    authorities: authoritiesFile === undefined ? undefined : await readAuthorities(authoritiesFile),
  }
}

function parsePattern(pattern: string): RegExp {
  try {
    return parseTicketPattern(pattern)
  } catch (error) {
    if (error instanceof PatternError) throw new ConfigError(`STRONGROOM_TICKET_PATTERN ${error.message}.`)
    throw error
  }
}

async function readAuthorities(file: string): Promise<string[]> {
  const parsed = authoritiesSchema.safeParse(await readConfigJson(file))
  if (parsed.success) return parsed.data
  const at = parsed.error.issues[0]?.path[0]
  throw new ConfigError(
    at === undefined
      ? `${file} is not usable: expected a JSON list of 1 to ${MAX_AUTHORITIES} names.`
      : `${file} is not usable: element ${Number(at) + 1} is not the name of an authority.`,
  )
}
