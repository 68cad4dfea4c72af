import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from 'commander'
import { CallerError } from '../../access/ledger/caller-error.ts'
import { packageFolder } from '../../config/version.ts'
import type { PolicySet } from '../../policies/policy.ts'
import { parsePolicyFile } from '../../policies/policy-file.ts'
import { type InputError, Problem } from '../../values/problem.ts'
import { titleOf } from '../../values/problem-codes.ts'
import type { Vault } from '../../vault.ts'
import { FAILED, type Json, print, printStatus, withJson } from '../command.ts'
import { withKeys } from '../custodians.ts'
import { operator } from '../operator.ts'
import { table } from '../table.ts'

/** `strongroom policy …` */
export function addPolicyCommands(policy: Command): void {
  withJson(policy.command('example'))
    .description('print the policy that is shipped, on the nine purposes, to begin with')
    .action(async (options: Json) => {
      const text = await readFile(path.join(packageFolder, 'ops/privacy-policy.md'), 'utf8')
      print(options, { policy: text }, () => text.trimEnd())
    })

  withJson(policy.command('check'))
    .description('find every fault of a policy file')
    .argument('<file>')
    .action(async (file: string, options: Json) => {
      const { faults, version } = check(await readText(file))
      print(options, { valid: faults.length === 0, version, faults }, () =>
        faults.length === 0 ? `version ${version}, no fault` : describe(file, faults),
      )
      if (faults.length > 0) process.exitCode = FAILED
    })

  withJson(policy.command('publish'))
    .description('publish a version; it is never replaced, and holds on every server from its next request on')
    .argument('<file>')
    .action(async (file: string, options: Json) => {
      const text = await readText(file)
      const { faults } = check(text)
      if (faults.length > 0) throw new CallerError(`nothing was published.\n${describe(file, faults)}`)
      await withKeys('policy publish', async ({ commands }) => {
        const published = await commands.publishPolicy(operator(), text)
        print(options, published, () =>
          published.changed
            ? `published version ${published.version}`
            : `version ${published.version} is published already`,
        )
        sayWhatIsMissing(await commands.readPolicies())
      })
    })

  withJson(policy.command('list'))
    .description('list the published versions')
    .action((options: Json) =>
      withKeys('policy list', async ({ commands }) => {
        const set = await readTrusted(commands)
        const list = set.published.map(({ version, title, sha256, publishedAt }) => ({
          version,
          title,
          sha256,
          published_at: publishedAt.toISOString(),
          adopted: set.adopted?.version === version,
        }))
        print(options, list, () =>
          table(
            ['version', 'published_at', 'adopted', 'sha256', 'title'],
            list.map((line) => [line.version, line.published_at, line.adopted ? 'yes' : null, line.sha256, line.title]),
          ),
        )
        sayWhatIsMissing(set)
      }),
    )

  withJson(policy.command('show'))
    .description('print a published version')
    .argument('<version>')
    .action((version: string, options: Json) =>
      withKeys('policy show', async ({ commands }) => {
        const found = (await readTrusted(commands)).published.find((one) => one.version === version)
        if (found === undefined)
          throw new CallerError('there is no such version: "policy list" names those that are published.')
        const { text, sha256, publishedAt, ...data } = found
        const shown = { ...data, sha256, published_at: publishedAt.toISOString(), text }
        print(options, shown, () => `${JSON.stringify(data, null, 2)}\n\n${text.trim()}`)
      }),
    )

  withJson(policy.command('adopt'))
    .description('say which version records count as that name none, or one that was never published')
    .argument('<version>')
    .action((version: string, options: Json) =>
      withKeys('policy adopt', async ({ commands }) => {
        const adopted = await commands.adoptPolicy(operator(), version)
        print(options, adopted, () =>
          adopted.changed ? `adopted version ${version}` : `version ${version} is adopted already`,
        )
      }),
    )
}

async function readTrusted(commands: Vault['commands']): Promise<PolicySet> {
  const set = await commands.readPolicies()
  if (!set.distrusted) return set
  throw new Error('The policies were changed outside the vault: put the rows of privacy_policies back as they were.')
}

function sayWhatIsMissing({ published, adopted }: PolicySet): void {
  if (published.length === 0 || adopted !== undefined) return
  printStatus(
    'Records without a published version still go by their roles alone: say which version they count as with "policy adopt".',
  )
}

/**
 * The text, byte by byte as it is in the file: its hash is that of the file.
 *
 * @throws {CallerError} if there is no such file, or if it is not UTF-8
 */
async function readText(file: string): Promise<string> {
  const bytes = await readFile(file).catch(() => {
    throw new CallerError(`${file} cannot be read`)
  })
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new CallerError(`${file} is not UTF-8`)
  }
}

function check(text: string): { version?: string; faults: readonly InputError[] } {
  try {
    return { version: parsePolicyFile(text).policy.version, faults: [] }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const faults = error.errors.length > 0 ? error.errors : [{ pointer: '#', detail: titleOf(error.code) }]
    return { faults }
  }
}

function describe(file: string, faults: readonly InputError[]): string {
  return faults.map(({ pointer, detail }) => `${file}${pointer}: ${detail}`).join('\n')
}
