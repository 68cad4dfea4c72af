import { readFile } from 'node:fs/promises'
import { ConfigError } from './config.ts'

/** The text of a file that an option names. @throws {ConfigError} that says why it cannot be read */
export async function readConfigFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new ConfigError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`)
  }
}

/** The JSON in a file that an option names. @throws {ConfigError} */
export async function readConfigJson(file: string): Promise<unknown> {
  const text = await readConfigFile(file)
  try {
    return JSON.parse(text)
  } catch {
    throw new ConfigError(`${file} is not well-formed JSON.`)
  }
}
