import { type OptionName, options } from '../../../src/config/options.ts'
import { bullet, page, paragraph, sentence, table } from './markdown.ts'

const INTRODUCTION = [
  paragraph(`Strongroom is configured by environment variables. A vault needs none of them to start on a developer's machine.
    [Run in production](../how-to/run-in-production.md) shows a complete set.`),
  paragraph(`A file may set them too: the file that \`STRONGROOM_ENV_FILE\` names or, outside production, \`.env\` in the
    working directory. The environment wins over the file. The rules for such a file:`),
  [
    bullet(`It sets the options below and the variables of the AWS SDK (\`AWS_REGION\`, credentials), and nothing else. Any
      other name, such as \`NODE_OPTIONS\`, is refused.`),
    bullet(`The file and its folder must belong to root or to the user of the vault. Neither other users nor a group with
      other members may write to them (\`chmod go-w\`). The same holds for the target of a symbolic link.`),
    bullet(`With \`NODE_ENV=production\` in the environment, a \`.env\` in the working directory is not read. A \`.env\`
      cannot set \`NODE_ENV=production\`; a file that \`STRONGROOM_ENV_FILE\` names can.`),
  ].join('\n'),
  paragraph(`A value that is not acceptable is refused at the start, in one sentence that names the option. \`strongroom
    doctor\` examines the configuration without starting the vault.`),
]

/** Options in the order of the page. Those without a prefix of a group are in the first one. */
const GROUPS: readonly (readonly [heading: string, prefixes: readonly string[]])[] = [
  ['The server', []],
  ['TLS, client certificates and proxies', ['CERTS', 'TLS', 'CLIENT_', 'TRUSTED_PROXIES', 'PROXY']],
  ['Root key', ['ROOT_KEY', 'PKCS11', 'PIN_FILE', 'VAULT_ID']],
  ['Limits', ['CARDS_PER', 'REFUSALS', 'CARD_SEARCH', 'WRONG_MATCHES', 'OPEN_APPROVALS']],
  ['Releases to authorities', ['TICKET', 'AUTHORITIES']],
  ['Audit log', ['AUDIT']],
  ['Database', ['DATABASE', 'EMBEDDED']],
]

function groupOf(name: string): number {
  const word = name.replace(/^STRONGROOM_/, '')
  const at = GROUPS.findIndex(([, prefixes]) => prefixes.some((prefix) => word.startsWith(prefix)))
  return Math.max(at, 0)
}

/** Every option, from `src/config/options.ts`. */
export function configurationPage(): string {
  const names = Object.keys(options) as OptionName[]
  const groups = GROUPS.map(([heading], at) => {
    const rows = names
      .filter((name) => groupOf(name) === at)
      .map((name) => [`\`${name}\``, options[name].shown, sentence(options[name].meaning)])
    return `## ${heading}\n\n${table(['Option', 'Default', 'Meaning'], rows)}`
  })
  return page('Configuration', [...INTRODUCTION, ...groups])
}
