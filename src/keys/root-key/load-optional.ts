import { RootKeyConfigError } from './root-key.ts'

/** Loads an optional dependency when it is first needed. @throws {RootKeyConfigError} when it is not installed */
export async function loadOptional<Module>(load: () => Promise<Module>, name: string): Promise<Module> {
  try {
    return await load()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    throw new RootKeyConfigError(
      code.endsWith('MODULE_NOT_FOUND')
        ? `this root key needs the optional package "${name}", which is not installed: run "npm install ${name}".`
        : `the package "${name}" cannot be loaded${code ? ` (${code})` : ''}: run "npm rebuild ${name}".`,
    )
  }
}
