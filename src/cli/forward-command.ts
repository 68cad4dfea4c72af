import { CallerError } from '../access/ledger/caller-error.ts'
import type { ForwardRequest } from '../forward/forward-request.ts'
import { readAppliedFile } from './applied-file.ts'
import { type Json, print } from './command.ts'
import { withKeys } from './custodians.ts'
import { operator } from './operator.ts'

export interface ForwardOptions extends Json {
  dryRun: true
  card?: string
  billingAddress?: string
  shippingAddress?: string
  contact?: string
  input?: string
  method?: string
  site: string
}

/** `strongroom forward --dry-run`: an operator looks at what a destination would be sent, and sends nothing. */
export async function showForward(destination: string, options: ForwardOptions): Promise<void> {
  const { card, billingAddress, shippingAddress, contact, method, site } = options
  const tokens = { card, billing_address: billingAddress, shipping_address: shippingAddress, contact }
  const request: Omit<ForwardRequest, 'purpose'> = {
    destination,
    tokens,
    input: await readInput(options.input),
    headers: {},
    method,
  }
  await withKeys('forward', async ({ commands }) => {
    const preview = await commands.previewForward(operator(), { ...request, site })
    print(options, preview, () => {
      const { method, url, headers, body } = preview.request
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
      return [`${method} ${url}`, ...lines, '', JSON.stringify(body, null, 2)].join('\n')
    })
  })
}

async function readInput(file: string | undefined): Promise<Record<string, unknown>> {
  if (file === undefined) return {}
  const { value } = await readAppliedFile(file, 'an object of inputs', (input) => input)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new CallerError(`${file} is not a JSON object`)
}
