import { type Command, Option } from 'commander'
import { type Purpose, purposes } from '../../access/policy/purpose.ts'
import type { RoleName } from '../../access/policy/roles.ts'
import { label, personName } from '../arguments.ts'
import { type Json, print, printStatus, withJson } from '../command.ts'
import { withKeys } from '../custodians.ts'
import { operator } from '../operator.ts'
import { withVault } from '../with-vault.ts'

interface TokenOptions extends Json {
  name: string
  role: RoleName
  purpose: Purpose[]
  site: string
  minutes: number
  dpopJkt?: string
}

/** `strongroom staff …` */
export function addStaffCommands(staff: Command): void {
  withJson(staff.command('token'))
    .description('sign a short access token for a member of staff')
    .requiredOption('--name <name>', 'whose token it is; stored in lower case', personName)
    .requiredOption('--role <role>', 'their role')
    .addOption(
      new Option('--purpose <purpose...>', "narrow the role's purposes").choices(purposes).default([], 'all of them'),
    )
    .option('--site <site>', 'the site whose records they see', label, 'default')
    .option('--minutes <minutes>', 'how long it lives', Number, 15)
    .option('--jkt, --dpop-jkt <thumbprint>', 'bind it to the DPoP key of that thumbprint (RFC 9449 section 6.1)')
    .action((options: TokenOptions) =>
      withKeys('staff token', async ({ commands }) => {
        const { name, role, purpose, site, minutes, dpopJkt } = options
        const request = { name, role, purposes: purpose, site, minutes, dpopJkt }
        const { warning, ...token } = await commands.issueStaffToken(operator(), request)
        if (warning !== undefined) printStatus(warning)
        print(options, token, () => token.access_token)
      }),
    )

  withJson(staff.command('disable'))
    .description('disable a member of staff: refused from the next request on, whichever issuer signed their token')
    .argument('<id>', 'staff:<name>, or staff:<provider>/<sub>, as audit events show it')
    .action((id: string, options: Json) =>
      withVault(
        'staff disable',
        async ({ commands }) => {
          const stored = await commands.disableStaff(operator(), id)
          print(options, { id: stored, disabled: true }, () => `disabled ${stored}`)
        },
        { takesAccessAway: true },
      ),
    )

  withJson(staff.command('enable'))
    .description('enable a disabled member of staff')
    .argument('<id>')
    .action((id: string, options: Json) =>
      withKeys('staff enable', async ({ commands }) => {
        const stored = await commands.enableStaff(operator(), id)
        print(options, { id: stored, disabled: false }, () => `enabled ${stored}`)
      }),
    )
}
