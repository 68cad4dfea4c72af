import { defineConfig } from '@hey-api/openapi-ts'

export default defineConfig({
  input: '../../docs/reference/openapi.json',
  output: { path: 'generated/hey-api', importFileExtension: '.js' },
  plugins: ['@hey-api/client-fetch', '@hey-api/sdk', '@hey-api/typescript'],
})
