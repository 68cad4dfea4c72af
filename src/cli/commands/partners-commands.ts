import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Purpose, purposes } from '../../access/policy/purpose.ts'
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
    .action((options: NewPartner) =>
      withKeys('partners add', async ({ commands }) => {
        const { name, country, contact, purpose, field, until } = options
        const partner = { name, country, contact, purposes: purpose, fields: field, ends_at: until }
        const { id } = await commands.addPartner(operator(), partner)
        print(options, { partner_id: id }, () => id)
      }),
    )

  withJson(partners.command('list'))
    .description('list all partners, including those whose contract has ended')
    .action((options: Json) =>
      withVault('partners list', async ({ commands }) => {
        const list = (await commands.listPartners()).map(({ id, ends_at, created_at, ended_at, ...partner }) => ({
          partner_id: id,
          ...partner,
          ends_at: ends_at.toISOString(),
          created_at: created_at.toISOString(),
          ended_at: ended_at?.toISOString() ?? null,
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
