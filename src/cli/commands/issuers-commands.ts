import type { Command } from 'commander'
import type { TokenReport } from '../../access/issuers/check-token.ts'
import { CallerError } from '../../access/ledger/caller-error.ts'
import { standardInput, textOf } from '../arguments.ts'
import { FAILED, type Json, print, withJson } from '../command.ts'
import { withKeys } from '../custodians.ts'

/** `strongroom issuers …` */
export function addIssuersCommands(issuers: Command): void {
  withJson(issuers.command('check'))
    .description('say whether the vault accepts an access token, and which rule it fails')
    // A file and not the token itself, because arguments are in the list of processes and in the shell's history.
    .requiredOption('--token-file <file>', 'the file that holds the token; - for stdin')
    .action(async (options: Json & { tokenFile: string }) => {
      const token = readTokenFrom(options.tokenFile)
      await withKeys('issuers check', async ({ commands }) => {
        const report = await commands.checkToken(token)
        print(options, report, () => describe(report))
        if (!report.accepted) process.exitCode = FAILED
      })
    })
}

/** @throws {CallerError} if there is none */
function readTokenFrom(file: string): string {
  const token = (file === '-' ? standardInput() : textOf(file)).trim()
  if (token === '') throw new CallerError(`there is no token in ${file === '-' ? 'stdin' : file}.`)
  return token
}

function describe({ accepted, code, issuer, rules, ...token }: TokenReport): string {
  const { caller, role, site, scopes, purposes, bound } = token
  const facts = [
    ['issuer', issuer],
    ['caller', caller],
    ['role', role],
    ['site', site],
    ['scopes', scopes.join(' ')],
    ['purposes', purposes.join(' ')],
    ['bound', bound],
  ]
  return [
    accepted ? 'accepted' : `refused: ${code}`,
    ...facts.filter(([, value]) => value).map(([name, value]) => `  ${name!.padEnd(9)} ${value}`),
    'rules',
    ...rules.map(({ rule, passed, demand }) => `  ${passed ? 'passed' : 'FAILED'}  ${rule.padEnd(15)} ${demand}`),
  ].join('\n')
}
