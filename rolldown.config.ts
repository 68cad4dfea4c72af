import { defineConfig } from 'rolldown'

/** The scripts that browsers load, each one file (`src/checkout/scripts.ts` serves them). */
export default defineConfig(
  [
    { script: 'checkout', format: 'iife' as const },
    { script: 'page', format: 'es' as const },
  ].map(({ script, format }) => ({
    input: `src/checkout/browser/${script}.ts`,
    platform: 'browser' as const,
    output: { file: `dist/checkout/${script}.js`, format, minify: true, comments: false },
  })),
)
