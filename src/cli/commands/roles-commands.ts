import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { CallerError } from '../../access/ledger/caller-error.ts'
import { parseRoleFile } from '../../access/policy/role-file.ts'
import { type RoleFile, toRoleFile } from '../../access/policy/role-set.ts'
import { parseJson } from '../../http/json.ts'
import { type InputError, Problem } from '../../values/problem.ts'
import { titleOf } from '../../values/problem-codes.ts'
import { FAILED, type Json, print, printStatus, withJson } from '../command.ts'
import { withKeys, withRoles } from '../custodians.ts'
import { operator } from '../operator.ts'

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
      const { faults, roles: found } = await readRoleFile(file)
      const count = Object.keys(found?.roles ?? {}).length
      print(options, { valid: faults.length === 0, roles: count, faults }, () =>
        faults.length === 0 ? `${count} roles, no fault` : describe(file, faults),
      )
      if (faults.length > 0) process.exitCode = FAILED
    })

  withJson(roles.command('apply'))
    .description('replace the roles in force with those of a file, on every server from its next request on')
    .argument('<file>')
    .action(async (file: string, options: Json) => {
      const { faults, roles: found } = await readRoleFile(file)
      if (found === undefined) throw new CallerError(`nothing was applied.\n${describe(file, faults)}`)
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

/** @throws {CallerError} if there is no such file */
async function readRoleFile(file: string): Promise<{ roles?: RoleFile; faults: readonly InputError[] }> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new CallerError(`${file} cannot be read`)
  })
  try {
    return { roles: parseRoleFile(parseJson(text)), faults: [] }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return {
      faults:
        error.errors.length > 0
          ? error.errors
          : [{ pointer: '#', detail: `is not a role file: ${titleOf(error.code)}` }],
    }
  }
}

function describe(file: string, faults: readonly InputError[]): string {
  return faults.map(({ pointer, detail }) => `${file}${pointer}: ${detail}`).join('\n')
}
