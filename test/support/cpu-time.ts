/** How long this process has computed, in milliseconds: what else the machine does makes it no longer. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
