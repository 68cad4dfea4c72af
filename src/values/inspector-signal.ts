/** Without this flag SIGUSR1 opens Node's inspector, which reads the keys in memory. */
export const NO_INSPECTOR_SIGNAL = '--disable-sigusr1'

/** Node's own arguments, for a process that no signal opens to a debugger. */
export function withoutInspectorSignal(execArgv: readonly string[]): string[] {
  return execArgv.includes(NO_INSPECTOR_SIGNAL) ? [...execArgv] : [NO_INSPECTOR_SIGNAL, ...execArgv]
}
