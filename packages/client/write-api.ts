/** `npm run api`: writes src/api.ts, the types of the API, from its OpenAPI document. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import openapiTS, { astToString, type OpenAPI3, type SchemaObject, type TransformObject } from 'openapi-typescript'
import ts from 'typescript'

const DOCUMENT = path.join(import.meta.dirname, '../../docs/reference/openapi.json')
export const API_FILE = path.join(import.meta.dirname, 'src/api.ts')

const NOTE = '/** Written by `npm run api` from docs/reference/openapi.json. Change the source, not this file. */\n\n'

/** Schemas, parameters and the answers that are no problem; problems have one type wherever they come. */
export async function apiTypes(): Promise<string> {
  const document = JSON.parse(readFileSync(DOCUMENT, 'utf8')) as OpenAPI3
  for (const operations of Object.values(document.paths ?? {})) {
    for (const { responses } of Object.values(operations) as { responses?: Record<string, unknown> }[]) {
      for (const status of Object.keys(responses ?? {})) if (!status.startsWith('2')) delete responses?.[status]
    }
  }
  const options = { transform: openUnion, rootTypes: true, rootTypesNoSchemaPrefix: true, alphabetize: false }
  return NOTE + astToString(await openapiTS(document, options))
}

/** Values that are known, and any other text: a newer vault may answer with more. */
function openUnion(schema: SchemaObject): ts.TypeNode | TransformObject | undefined {
  const known = (schema as { 'x-extensible-enum'?: string[] })['x-extensible-enum']
  if (known === undefined) return undefined
  const { factory } = ts
  const values = known.map((value) => factory.createLiteralTypeNode(factory.createStringLiteral(value)))
  const any = factory.createIntersectionTypeNode([
    factory.createKeywordTypeNode(ts.SyntaxKind.StringKeyword),
    factory.createTypeLiteralNode([]),
  ])
  return factory.createUnionTypeNode([...values, any])
}

if (import.meta.main) writeFileSync(API_FILE, await apiTypes())
