import type { Command } from 'commander'
import { CallerError } from '../../access/ledger/caller-error.ts'
import { parseRoleFile } from '../../access/policy/role-file.ts'
import { toRoleFile } from '../../access/policy/role-set.ts'
import { describeFaults, readAppliedFile } from '../applied-file.ts'
import { FAILED, type Json, print, printStatus, withJson } from '../command.ts'
import { withKeys, withRoles } from '../custodians.ts'
import { operator } from '../operator.ts'

const WHAT = 'a role file'

/** `strongroom roles …` */
export function addRolesCommands(roles: Command): void {
  withJson(roles.command('export'))
    .description('print the roles in force, as the file that apply takes')
    .action((options: Json) =>
      withRoles('roles export', async ({ commands }) => {
        const set = await commands.readRoles()
        if (set.distrusted) throw new Error('The roles were changed outside the vault: apply a file of your own.')
        print(options, toRoleFile(set), () => JSON.stringify(toRoleFile(set), null, 2))
      }),
    )

  withJson(roles.command('check'))
    .description('find every fault of a roles file')
    .argument('<file>')
    .action(async (file: string, options: Json) => {
      const { faults, value: found } = await readAppliedFile(file, WHAT, parseRoleFile)
      const count = Object.keys(found?.roles ?? {}).length
      print(options, { valid: faults.length === 0, roles: count, faults }, () =>
        faults.length === 0 ? `${count} roles, no fault` : describeFaults(file, faults),
      )
      if (faults.length > 0) process.exitCode = FAILED
    })

  withJson(roles.command('apply'))
    .description('replace the roles in force with those of a file, on every server from its next request on')
    .argument('<file>')
    .action(async (file: string, options: Json) => {
      const { faults, value: found } = await readAppliedFile(file, WHAT, parseRoleFile)
      if (found === undefined) throw new CallerError(`nothing was applied.\n${describeFaults(file, faults)}`)
      await withKeys('roles apply', async ({ commands }) => {
        const applied = await commands.applyRoles(operator(), found)
        print(options, applied, () =>
          applied.changed
            ? `applied as revision ${applied.revision}`
            : `in force already, revision ${applied.revision}`,
        )
        const fault = await commands.findMappingFault()
        if (fault !== undefined)
          printStatus(`warning: ${fault} A person who is mapped to a role that no longer exists is refused.`)
      })
    })
}
