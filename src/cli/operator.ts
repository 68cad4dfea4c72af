import { hostname, userInfo } from 'node:os'
import { CallerError } from '../access/ledger/caller-error.ts'
import { normaliseName } from '../access/policy/person.ts'
import type { AuditCaller } from '../audit/event/audit-event.ts'
import { ConfigError, loadEnvironment } from '../config/config.ts'
import { type OperatorEnvironment, readOperator } from '../config/operator-environment.ts'
import { PERSON_NAME } from '../config/option-values.ts'
import { canonicalAddress } from '../http/source/ip-address.ts'

/** Root may run these without a name, because machines run them or there is no log yet. */
const EXEMPT = new Set(['serve', 'migrate', 'doctor', 'probe'])

/** Root is at a terminal in production without a name. */
export class UnnamedOperator extends CallerError {}

/** The value of `--as` for the command that runs. */
let named: string | undefined

/**
 * Notes who runs a command, before it begins.
 *
 * @param command its whole name, such as `clients revoke`
 * @throws {CallerError} for an invalid name
 * @throws {UnnamedOperator} for root at a terminal in production without a name
 */
export function nameOperator(command: string, as: string | undefined): void {
  named = as === undefined ? undefined : nameOf(as, '--as')
  const environment = environmentOfOperator()
  if (environment?.name !== undefined) nameOf(environment.name, 'STRONGROOM_OPERATOR')
  const isAtTerminal = process.stdin.isTTY === true
  if (EXEMPT.has(command) || !isAtTerminal || !environment?.production || process.geteuid?.() !== 0) return
  if (chosenName(environment) === undefined) {
    throw new UnnamedOperator(
      'root has no name of its own: say who you are with --as NAME, STRONGROOM_OPERATOR or sudo.',
    )
  }
}

/** The person at the terminal, and the source, for the audit log. */
export function operator(): AuditCaller {
  const environment = environmentOfOperator()
  return callerOf((environment && chosenName(environment)) ?? named ?? accountName(), environment)
}

/** The same for a command that failed: an invalid name is replaced by the account. */
export function operatorOfFailure(): AuditCaller {
  try {
    return operator()
  } catch (error) {
    if (error instanceof CallerError) return callerOf(accountName(), environmentOfOperator())
    throw error
  }
}

function callerOf(name: string, environment: OperatorEnvironment | undefined): AuditCaller {
  const account = accountName()
  return {
    id: `operator:${name}`,
    kind: 'operator',
    source: canonicalAddress(environment?.sshClient ?? '') ?? `host:${hostname()}`,
    account: name === account ? undefined : account,
  }
}

/** A name that was given, or that sudo proves. */
function chosenName({ name, sudoUser }: OperatorEnvironment): string | undefined {
  if (named !== undefined) return named
  if (name !== undefined) return nameOf(name, 'STRONGROOM_OPERATOR')
  return sudoUser !== undefined && sudoUser !== 'root' && PERSON_NAME.test(sudoUser) ? sudoUser : undefined
}

function nameOf(text: string, from: string): string {
  const name = normaliseName(text)
  if (!PERSON_NAME.test(name)) {
    throw new CallerError(`${from}: use up to 64 letters, digits, spaces and ordinary punctuation.`)
  }
  return name
}

/** Undefined if the configuration cannot be read. A command that needs it reports that. */
function environmentOfOperator(): OperatorEnvironment | undefined {
  try {
    return readOperator(loadEnvironment())
  } catch (error) {
    if (error instanceof ConfigError) return undefined
    throw error
  }
}

/** Containers often run as a user id that the system has no account for. */
function accountName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid-${process.geteuid?.()}`
  }
}
