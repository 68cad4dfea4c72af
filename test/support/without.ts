/** The end of the name of tests that are left out for want of something: the report at the end of the run prints it. */
export function without(missing: string | undefined): string {
  return missing === undefined ? '' : ` (${missing})`
}
