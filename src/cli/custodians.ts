import { formatShare, parseShare } from '../keys/root-key/share-text.ts'
import type { Vault } from '../vault.ts'
import { operator } from './operator.ts'
import { openTerminal, type Terminal } from './terminal.ts'
import { type CommandNeeds, requireSchema, withPausableVault, withVault } from './with-vault.ts'

const MAX_NAME = 64

/** Opens the vault for a command that needs its keys. @throws {NoTerminal} when custodians must be asked and cannot be */
export function withKeys(
  command: string,
  work: Parameters<typeof withVault>[1],
  needs: CommandNeeds = {},
): Promise<void> {
  return withVault(command, onceOpen(command, work, needs), { ...needs, anySchema: true })
}

/** The same for a command that stops at a good moment after the signal. */
export function withPausableKeys(
  command: string,
  work: Parameters<typeof withPausableVault>[1],
  needs: CommandNeeds = {},
): Promise<void> {
  return withPausableVault(command, onceOpen(command, work, needs), { ...needs, anySchema: true })
}

/** Does the work once the root key is there. Without that key it is unknown whether a changed schema was accepted. */
function onceOpen<Given>(
  command: string,
  work: (vault: Vault, given: Given) => Promise<void>,
  needs: CommandNeeds,
): (vault: Vault, given: Given) => Promise<void> {
  return async (vault, given) => {
    await bringRootKey(vault)
    await requireSchema(command, vault, needs)
    await work(vault, given)
  }
}

/** Opens the vault for a command that reads the roles: a set that an operator applied is read with the keys alone. */
export function withRoles(command: string, work: (vault: Vault) => Promise<void>): Promise<void> {
  return withVault(command, async (vault) => {
    await vault.commands.readRoles().catch(() => bringRootKey(vault))
    await work(vault)
  })
}

/**
 * Opens the vault for one command. If its root key is in shares, each custodian in turn enters a share at the terminal,
 * which clears the screen in between. One custodian alone gets nowhere (PCI DSS 3.7.6), and the attempt is in the audit
 * log.
 */
export async function bringRootKey({ unsealing, rootKeys, sealedBecause }: Vault): Promise<void> {
  const reason = sealedBecause()
  if (reason === undefined) return
  if ((await rootKeys.find())?.provider !== 'custodian-shares') throw reason.cause ?? reason
  const terminal = openTerminal('The shares of the root key')
  try {
    for (let open = false; !open; ) {
      const share = await terminal.askSecret('The share of one custodian: ')
      const status = await unsealing.offer(operator(), share)
      terminal.clear()
      if (!status.accepted) terminal.show(`${NOT_ACCEPTED}\n`)
      else if (!status.open) terminal.show(`${status.given} of ${status.needed} shares; the next custodian, please.\n`)
      open = status.open
    }
  } finally {
    await unsealing.abandon(operator())
  }
}

/** The text does not say which share was wrong, nor which are there. */
export const NOT_ACCEPTED =
  'The share was not accepted: it was mistyped, is not of this root key, or was given already. Nothing was changed.'

/** Leads the custodians through a ceremony: each sees their share, proves to have it, and acknowledges. */
export async function holdCeremony(
  { rootKeys }: Vault,
  { shares, threshold }: { shares: number; threshold: number },
): Promise<{ id: string; replaced: string | null; rewrapped: number; custodians: string[]; texts: string[] }> {
  const terminal = openTerminal('The shares of a root key')
  const custodians: string[] = []
  terminal.show(`${shares} custodians, any ${threshold} of them open the vault together.\n`)
  while (custodians.length < shares) {
    const name = (await terminal.ask(`Name of custodian ${custodians.length + 1} of ${shares}: `)).trim()
    if (isName(name)) custodians.push(name)
    else terminal.show(`A name has up to ${MAX_NAME} letters, digits, spaces and ordinary punctuation.\n`)
  }
  const ceremony = await rootKeys.beginCeremony(operator(), { custodians, threshold })
  const acknowledgedAt: Date[] = []
  for (const { custodian, text } of ceremony.shares) {
    acknowledgedAt.push(await handOver(terminal, custodian, text))
  }
  const { id, replaced, rewrapped } = await ceremony.complete(acknowledgedAt)
  return { id, replaced, rewrapped, custodians, texts: ceremony.shares.map(({ text }) => text) }
}

/** @returns when the custodian acknowledged */
async function handOver(terminal: Terminal, custodian: string, share: string): Promise<Date> {
  terminal.clear()
  await terminal.ask(`${custodian}: everyone else looks away. Press Enter to see your share.`)
  terminal.show(`\nYour share, which is shown once:\n\n  ${share}\n\n`)
  await terminal.ask('Write it down or store it, where only you can reach it. Press Enter to clear the screen.')
  terminal.clear()
  while (!sameShare(await terminal.askSecret(`${custodian}, type your share, to show that you have it: `), share)) {
    terminal.show('That is another share.\n')
  }
  terminal.show(
    'As a key custodian you keep your share secret, bring it when the vault must be opened, and report at once if it may\n' +
      'be known to another person.\n',
  )
  while (
    (await terminal.ask(`Type your name to acknowledge that you understand and accept this: `)).trim() !== custodian
  ) {
    terminal.show(`Your name is ${custodian}; without it there is no ceremony.\n`)
  }
  terminal.clear()
  return new Date()
}

function sameShare(typed: string, share: string): boolean {
  const read = parseShare(typed)
  return read !== undefined && formatShare(read) === share
}

function isName(name: string): boolean {
  return name.length <= MAX_NAME && /^[\p{L}\p{N}][\p{L}\p{M}\p{N} .,'’&()/_@-]*$/u.test(name)
}
