import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitNotes } from './commands/audit-verify-command.ts'

const note = (size: number, signatures = 1) =>
  `origin/audit\n${size}\nroot=\n\n${'\u2014 origin/audit c2lnbmF0dXJl\n'.repeat(signatures)}`

describe('a file of checkpoints', () => {
  it('is split into its notes, with any empty lines between them', () => {
    const notes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 3 }), fc.nat({ max: 2 })), { minLength: 1 })
    fc.assert(
      fc.property(notes, (all) => {
        const text = all.map(([size, signatures, lines]) => note(size, signatures) + '\n'.repeat(lines)).join('')
        expect(splitNotes('file', text)).toEqual(all.map(([size, signatures]) => note(size, signatures)))
      }),
    )
  })

  it.each([
    ['nothing', ''],
    ['half a note', note(1) + note(2).slice(0, 20)],
    ['a note without a signature', note(1, 0)],
    ['something between the notes', `${note(1)}what\n\n${note(2)}`.replace('what\n\n', '\nwhat\n\n\n')],
  ])('is refused with %s', (_name, text) => {
    expect(() => splitNotes('kept.txt', text)).toThrow(/kept\.txt holds something else/)
  })
})
