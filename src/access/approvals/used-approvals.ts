/** What this process has released under approvals. It remembers that even if the rows change. */
export class UsedApprovals {
  readonly #until = new Map<string, Date>()

  /** @param until the end of the approval: later nothing is released under it anyway */
  add(approval: string, until: Date): void {
    this.#until.set(approval, until)
  }

  /** The approvals that were used before this moment, without those that are over. */
  at(now: Date): ReadonlySet<string> {
    for (const [approval, until] of this.#until) if (until <= now) this.#until.delete(approval)
    return new Set(this.#until.keys())
  }
}
