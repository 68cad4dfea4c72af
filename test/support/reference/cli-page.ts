import type { Argument, Command, Option } from 'commander'
import { createProgram } from '../../../src/cli/program.ts'
import { COMMAND_NOTES } from './command-notes.ts'
import { anchorOf, code, page, paragraph, sentence, table } from './markdown.ts'

const INTRODUCTION = [
  paragraph(`\`strongroom <command>\` works beside a running vault or without one; it reads the same
    [configuration](configuration.md) as the server. In a clone of the repository it is \`npx strongroom\`. \`strongroom
    <command> --help\` prints what this page says.`),
  '```sh\nstrongroom keys rotate --help\nstrongroom clients list --json\n```',
  '## Output and exit codes',
  paragraph(`With \`--json\` a command prints one JSON document on stdout, or JSON lines for a rotation, for \`records verify\`
    and for events. Everything else goes to stderr.`),
  table(
    ['Exit code', 'Meaning'],
    [
      ['0', 'Done.'],
      [
        '1',
        'Failed. Of `audit verify`, `records verify`, `retention verify`, `doctor`, `policy check` and `roles check`: something was found.',
      ],
      ['2', 'Wrong usage.'],
      ['130', 'Interrupted by Ctrl-C or SIGTERM; a rotation or an export is paused in good order.'],
    ],
  ),
  '## Who runs a command',
  paragraph(`The caller of its audit events is the name after \`--as\`, which every command takes. Otherwise it is
    \`STRONGROOM_OPERATOR\`, then \`SUDO_USER\`, then the system account. Names are stored in lower case; the event keeps the
    account beside another name (\`account\`). The name is a statement of the operator and no proof.`),
  paragraph(`In production, root at a terminal must give a name. \`serve\`, \`migrate\` and \`doctor\` are exempt, and so is
    every command without a terminal, such as a job.`),
  '## Commands that fail',
  paragraph(`A command that fails leaves an audit event \`request.refuse\` with outcome \`failed\`, its name as \`route\` and the
    reason as \`code\`. Up to 20 a minute of one source are written, and 200 in all. Arguments that the program does not know,
    a configuration that cannot be read, \`serve\`, \`certs dev\`, \`policy check\`, \`policy example\` and \`roles check\` leave no event.`),
  paragraph(`A command compares the clock of its machine with the clock of the database. If they differ by more than 60 seconds
    it is refused (\`clock\`). \`clients revoke\`, \`partners end\`, \`staff disable\`, \`keys compromise\` and \`restore apply\`
    continue with the time of the database.`),
  '## Keys',
  paragraph(`Most commands need the keys of the vault. Where custodians hold the root key, they ask for the shares at the
    terminal. These commands work without keys, also beside a sealed vault: \`doctor\`, \`migrate\` (without
    \`--accept-schema\`), \`clients list\`, \`clients revoke\`, \`staff disable\`, \`partners list\`, \`partners end\`,
    \`policy check\`, \`policy example\`, \`roles check\`, \`access suspended\`, \`keys list\`, \`keys status\`, \`audit list\`, \`audit verify\`,
    \`audit review\`, and \`audit export\` and \`audit tail\` without \`--customer\`. What they write to the log is marked
    \`vouched\` or \`unproven\`: see [audit events](audit-events.md).`),
]

const EVERY = new Set(['--json', '--as', '--help', '--version'])

function commandsOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap((one) => commandsOf(one as Command))
}

/** Its whole name, without the program's. */
function nameOf(command: Command): string {
  return command.parent?.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name()
}

function argumentText(command: Command): string {
  return command.registeredArguments
    .map((one) => `${one.required ? '<' : '['}${one.name()}${one.variadic ? '…' : ''}${one.required ? '>' : ']'}`)
    .join(' ')
}

function usageOf(command: Command): string {
  const needed = command.options.filter(({ mandatory }) => mandatory).map(({ flags }) => flags.replace(/^-\w, /, ''))
  const rest = command.options.some(({ long, mandatory }) => !mandatory && !EVERY.has(long ?? '')) ? '[options]' : ''
  return ['strongroom', nameOf(command), argumentText(command), ...needed, rest].filter(Boolean).join(' ')
}

function optionRows(command: Command): string[][] {
  return command.options
    .filter(({ long, hidden }) => !hidden && !EVERY.has(long ?? ''))
    .map((option) => {
      const { flags, description, mandatory, argChoices } = option
      const initial = defaultOf(option)
      const meaning = [
        sentence(description),
        argChoices ? choicesOf(argChoices) : '',
        mandatory ? 'Required.' : '',
        initial === undefined ? '' : `Default: ${code(initial)}.`,
      ]
      return [code(flags), meaning.filter(Boolean).join(' ')]
    })
}

function choicesOf(choices: readonly string[]): string {
  if (choices.includes('record.tokenize')) return 'One of the [types](audit-events.md#types).'
  if (choices.includes('process-payment')) return 'One of the [purposes](api.md#purposes).'
  return `One of ${choices.map(code).join(', ')}.`
}

/** As the help says it: a default may depend on the time or the machine, and has a description then. */
function defaultOf({ defaultValue, defaultValueDescription }: Option): string | undefined {
  if (defaultValueDescription !== undefined) return defaultValueDescription
  const isShown = ['string', 'number'].includes(typeof defaultValue)
  return isShown ? String(defaultValue) : undefined
}

function argumentChoices(argument: Argument): string[] {
  const { argChoices, defaultValue } = argument
  if (!argChoices) return []
  const initial = typeof defaultValue === 'string' ? ` Default: ${code(defaultValue)}.` : ''
  return [paragraph(`${code(argument.name())}: ${argChoices.map(code).join(', ')}.${initial}`)]
}

function section(command: Command): string {
  const options = optionRows(command)
  return [
    `### ${nameOf(command)}`,
    sentence(command.description()),
    `\`\`\`text\n${usageOf(command)}\n\`\`\``,
    ...(COMMAND_NOTES[nameOf(command)] ?? []).map(paragraph),
    ...command.registeredArguments.flatMap((one) => argumentChoices(one)),
    ...(options.length === 0 ? [] : [table(['Option', 'Meaning'], options)]),
  ].join('\n\n')
}

export const commandNames = async () => commandsOf(await createProgram()).map(nameOf)

/** Every command, from the help of the program. */
export async function cliPage(): Promise<string> {
  const commands = commandsOf(await createProgram())
  const rows = commands.map((command) => {
    const name = nameOf(command)
    return [`[\`${name}\`](#${anchorOf(name)})`, sentence(command.description())]
  })
  return page('Command line', [
    ...INTRODUCTION,
    '## All commands',
    table(['Command', 'What it does'], rows),
    '## Each command',
    paragraph('Every command also takes `--json`, `--as <name>` and `--help`.'),
    ...commands.map(section),
  ])
}
