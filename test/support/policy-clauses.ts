import { parsePolicyFile } from '../../src/policies/policy-file.ts'

/** A promise of a policy, under the number of its section: `5.2` is a sentence, `2 marketing` an entry of the part for machines. */
export interface Clause {
  clause: string
  words: string
}

/** Every promise of a policy whose sections are numbered. */
export function clausesOf(file: string): { sentences: Clause[]; entries: Clause[] } {
  const { policy, text } = parsePolicyFile(file)
  const sections = text.split(/^## (?=\d+\. )/m).slice(1)
  const sentences = sections.flatMap((section) => {
    const [heading = '', ...lines] = section.split('\n')
    const said = lines
      .join(' ')
      .replaceAll(/\s+/g, ' ')
      .trim()
      .split(/(?<=\.) /)
    return said.map((words, at) => ({ clause: `${Number.parseInt(heading, 10)}.${at + 1}`, words }))
  })
  const entries = [
    ...Object.entries(policy.data).map(([name, words]) => ({ clause: `1 ${name}`, words })),
    ...Object.entries(policy.purposes).map(([name, { description }]) => ({
      clause: `2 ${name}`,
      words: description ?? name,
    })),
    ...Object.entries(policy.recipients).map(([name, { description }]) => ({
      clause: `4 ${name}`,
      words: description,
    })),
  ]
  return { sentences, entries }
}
