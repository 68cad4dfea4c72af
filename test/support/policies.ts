import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { AuditCaller } from '../../src/audit/event/audit-event.ts'
import type { Policy } from '../../src/policies/policy.ts'
import { parsePolicyFile } from '../../src/policies/policy-file.ts'
import { projectRoot } from './source-files.ts'
import type { TestVault } from './test-vault.ts'

const OPERATOR: AuditCaller = { id: 'operator:test', kind: 'operator' }

/** The file that is shipped. */
export const shippedPolicyFile = readFileSync(path.join(projectRoot, 'ops/privacy-policy.md'), 'utf8')
export const shippedPolicy: Policy = parsePolicyFile(shippedPolicyFile).policy

/** The shipped policy with changes, as a file. */
export function policyFile(changes: Partial<Policy> = {}, text = 'What we promise.'): string {
  return `---\n${JSON.stringify({ ...shippedPolicy, ...changes })}\n---\n${text}\n`
}

/** The purposes of the shipped policy without these. */
export function purposesWithout(...names: string[]): Policy['purposes'] {
  return Object.fromEntries(Object.entries(shippedPolicy.purposes).filter(([name]) => !names.includes(name)))
}

export function publishPolicy(vault: TestVault, changes: Partial<Policy> = {}, text?: string) {
  return vault.commands.publishPolicy(OPERATOR, policyFile(changes, text))
}

export function adoptPolicy(vault: TestVault, version: string) {
  return vault.commands.adoptPolicy(OPERATOR, version)
}
