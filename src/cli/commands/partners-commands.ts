import { type Command, InvalidArgumentError, Option } from 'commander'
import type { EncryptionJwkSet } from '../../access/policy/encryption-jwk.ts'
import { type Purpose, purposes } from '../../access/policy/purpose.ts'
import type { SoughtPartners } from '../../privacy/report/partner-report.ts'
import { pointInTime, textOf } from '../arguments.ts'
import { type Json, print, withJson } from '../command.ts'
import { withKeys } from '../custodians.ts'
import { operator } from '../operator.ts'
import { table } from '../table.ts'
import { withVault } from '../with-vault.ts'

interface NewPartner extends Json {
  name: string
  country: string
  contact: string
  purpose: Purpose[]
  field: string[]
  until: Date
  jwks?: string
}

/** `strongroom partners …` */
export function addPartnersCommands(partners: Command): void {
  withJson(partners.command('add'))
    .description('add a partner and its contract; add its clients with clients add --partner')
    .requiredOption('--name <name>', 'what it is called', label)
    .requiredOption('--country <country>', 'where it is, ISO 3166-1 alpha-2', country)
    .requiredOption('--contact <contact>', 'a contact there', label)
    .addOption(new Option('--purpose <purpose...>', 'what for').choices(purposes).makeOptionMandatory())
    .requiredOption('--field <field...>', 'what it may see, as kind.field, such as address.postal_code')
    .requiredOption('--until <date>', 'the last day of the contract, YYYY-MM-DD in UTC', endOfDay)
    .option('--jwks <file>', 'its public keys as a JWK Set: releases to it are encrypted to the first one')
    .action(async (options: NewPartner) => {
      const { name, country, contact, purpose, field, until, jwks } = options
      const keys = jwks === undefined ? undefined : await readKeys(jwks)
      await withKeys('partners add', async ({ commands }) => {
        const partner = { name, country, contact, purposes: purpose, fields: field, ends_at: until, keys }
        const { id } = await commands.addPartner(operator(), partner)
        print(options, { partner_id: id }, () => id)
      })
    })

  withJson(partners.command('replace-keys'))
    .description('replace the public keys of a partner; what is released from now on is encrypted to the first of them')
    .argument('<id>')
    .requiredOption('--jwks <file>', 'its public keys as a JWK Set')
    .action(async (id: string, options: Json & { jwks: string }) => {
      const keys = await readKeys(options.jwks)
      await withKeys('partners replace-keys', async ({ commands }) => {
        await commands.replacePartnerKeys(operator(), id, keys)
        const kids = keys.keys.map(({ kid }) => kid)
        print(options, { partner_id: id, keys: kids }, () => kids.map((kid) => `key  ${kid}`).join('\n'))
      })
    })

  withJson(partners.command('list'))
    .description('list all partners, including those whose contract has ended')
    .action((options: Json) =>
      withVault('partners list', async ({ commands }) => {
        const list = (await commands.listPartners()).map(({ id, ends_at, created_at, ended_at, keys, ...partner }) => ({
          partner_id: id,
          ...partner,
          ends_at: ends_at.toISOString(),
          created_at: created_at.toISOString(),
          ended_at: ended_at?.toISOString() ?? null,
          keys: keys?.keys.map(({ kid }) => kid),
        }))
        print(options, list, () =>
          table(
            ['partner_id', 'contract', 'country', 'name', 'contact', 'purposes', 'fields'],
            list.map(({ partner_id, ended_at, ends_at, country, name, contact, purposes, fields }) => {
              const contract = ended_at ? `ended ${ended_at}` : `until ${ends_at}`
              return [partner_id, contract, country, name, contact, purposes.join(' '), fields.join(' ')]
            }),
          ),
        )
      }),
    )

  withJson(partners.command('report'))
    .description('say what each partner was given, for what, how often and in which country, by the audit log')
    .option('--partner <id>', 'only this partner')
    .option('--since <time>', 'only releases of this time or later: RFC 3339, YYYY-MM-DD, or 24h', pointInTime)
    .option('--until <time>', 'only releases before this time', pointInTime)
    .action((options: Json & SoughtPartners) =>
      withVault('partners report', async ({ commands }) => {
        const { partner, since, until } = options
        const reports = (await commands.reportPartners(operator(), { partner, since, until })).map(
          ({ id, ...report }) => ({ partner_id: id, ...report }),
        )
        print(options, reports, () =>
          table(
            ['partner_id', 'name', 'country', 'purpose', 'kind', 'fields', 'times', 'records', 'last'],
            reports.flatMap(({ partner_id, name, country, releases }) =>
              releases.length === 0
                ? [[partner_id, name, country, null, null, null, '0', '0', null]]
                : releases.map(({ purpose, kind, fields, times, records, last }) => [
                    ...[partner_id, name, country, purpose, kind, fields.join(' ')],
                    ...[String(times), String(records), last.toISOString()],
                  ]),
            ),
          ),
        )
      }),
    )

  withJson(partners.command('end'))
    .description('end a contract now: its clients are refused from their next request on')
    .argument('<id>')
    .action((id: string, options: Json) =>
      withVault(
        'partners end',
        async ({ commands }) => {
          await commands.endPartner(operator(), id)
          print(options, { partner_id: id, ended: true }, () => `ended ${id}`)
        },
        { takesAccessAway: true },
      ),
    )
}

/** @throws {CallerError} for a file that holds no usable public key */
async function readKeys(file: string): Promise<EncryptionJwkSet> {
  const { parsePartnerKeys } = await import('../../access/callers/partner-keys.ts')
  return parsePartnerKeys(textOf(file))
}

function label(text: string): string {
  if (!/^[\p{L}\p{N}][\p{L}\p{M}\p{N} .,'’&()/_@+-]{0,99}$/u.test(text))
    throw new InvalidArgumentError('use up to 100 letters, digits, spaces and ordinary punctuation')
  return text
}

function country(text: string): string {
  if (!/^[A-Z]{2}$/.test(text)) throw new InvalidArgumentError('expected two capital letters')
  return text
}

/** The first moment after the day. */
function endOfDay(text: string): Date {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== text) {
    throw new InvalidArgumentError('expected a day as YYYY-MM-DD')
  }
  return new Date(day + 24 * 60 * 60 * 1000)
}
