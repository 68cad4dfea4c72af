import { builtProgram } from './built-program.ts'
import { type AtTerminal, startAtTerminal } from './terminal.ts'
import type { VaultProcess } from './vault-process.ts'

/** Starts a command of the CLI on this vault's directories, at a terminal. */
export function cliAtTerminal(
  vault: VaultProcess,
  args: readonly string[],
  env: Record<string, string> = {},
): AtTerminal {
  return startAtTerminal({
    command: process.execPath,
    args: [builtProgram('cli'), ...args],
    cwd: vault.directory,
    env: { ...vault.env, ...CUSTODIANS, ...env },
  })
}

export const CUSTODIANS = { STRONGROOM_ROOT_KEY: 'custodian-shares' }

export const names = ['Meera Pillai', 'Jonas Weber', 'Chen Wei', 'Ada Osei', 'Rui Costa']

/** Plays all custodians of a ceremony. Answers with their shares, as each has written them down. */
export async function attendCeremony(terminal: AtTerminal, custodians: readonly string[]): Promise<string[]> {
  const shares: string[] = []
  for (const [at, name] of custodians.entries()) {
    await terminal.sees(new RegExp(`Name of custodian ${at + 1} of ${custodians.length}: `))
    terminal.type(name)
  }
  for (const name of custodians) {
    await terminal.sees(new RegExp(`${name}: everyone else looks away.*share\\.`))
    terminal.type('')
    const [share] = await terminal.sees(/strongroom-share-[0-9a-z-]+/)
    shares.push(share)
    await terminal.sees(/clear the screen\./)
    terminal.type('')
    await terminal.sees(/type your share, to show that you have it: /)
    terminal.type(share)
    await terminal.sees(/Type your name to acknowledge[^:]*: /)
    terminal.type(name)
  }
  return shares
}

/** One custodian brings a share to the running server. */
export async function unseal(vault: VaultProcess, share: string): Promise<{ code: number | null; screen: string }> {
  const terminal = cliAtTerminal(vault, ['unseal'])
  await terminal.sees(/Your share: /)
  terminal.type(share)
  return { code: await terminal.ended, screen: terminal.screen() }
}
