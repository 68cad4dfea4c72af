import { alertsPage } from './alerts-page.ts'
import { apiPage } from './api-page.ts'
import { auditEventsPage } from './audit-events-page.ts'
import { cliPage } from './cli-page.ts'
import { configurationPage } from './configuration-page.ts'
import { openApiFile } from './openapi-file.ts'
import { problemsPage } from './problems-page.ts'

/** The pages of the reference that are made from the code, by their path from the project's root. */
export async function generatedPages(): Promise<Record<string, string>> {
  return {
    'docs/reference/alerts-and-metrics.md': await alertsPage(),
    'docs/reference/api.md': apiPage(),
    'docs/reference/audit-events.md': auditEventsPage(),
    'docs/reference/cli.md': await cliPage(),
    'docs/reference/configuration.md': configurationPage(),
    'docs/reference/openapi.json': openApiFile(),
    'docs/reference/problems.md': problemsPage(),
  }
}
