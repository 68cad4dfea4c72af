import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { describe, expect, it } from 'vitest'
import config from '../../rolldown.config.ts'

const KIB = 1024

/** The script as the build makes it, compressed as a browser gets it. */
async function gzippedBytes(name: string): Promise<number> {
  const options = [config].flat().find(({ input }) => String(input).endsWith(`/${name}.ts`))!
  const bundle = await rolldown(options)
  const { output } = await bundle.generate([options.output!].flat()[0]!)
  await bundle.close()
  expect(output).toHaveLength(1)
  return gzipSync(output[0].code).length
}

describe('the scripts of browsers', () => {
  it('are small: the one of shops has at most 4 KiB', async () => {
    expect(await gzippedBytes('checkout')).toBeLessThanOrEqual(4 * KIB)
  })

  it('are small: the one of the pages has at most 25 KiB', async () => {
    expect(await gzippedBytes('page')).toBeLessThanOrEqual(25 * KIB)
  })
})
