import { VaultError } from '../values/vault-error.ts'
import type { Finding } from './doctor/doctor.ts'

/** The start was refused; each finding says what is wrong and how to mend it. */
export class Unsafe extends VaultError {
  override readonly name = 'Unsafe'
  readonly findings: readonly Finding[]

  constructor(findings: readonly Finding[]) {
    super(findings.map(({ detail }) => detail).join('\n'))
    this.findings = findings
  }
}
