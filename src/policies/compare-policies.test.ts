import { expect, it } from 'vitest'
import { shippedPolicy as policy } from '../../test/support/policies.ts'
import { comparePolicies } from './compare-policies.ts'
import type { Policy } from './policy.ts'

const differences = (changes: Partial<Policy>, text = 'Text') =>
  comparePolicies({ ...policy, text: 'Text' }, { ...policy, ...changes, text }).map(
    ({ pointer, change }) => `${change} ${pointer}`,
  )
const { research, ...others } = policy.purposes

it.each<[string, Partial<Policy>, string[]]>([
  ['nothing', { version: 'v2', title: 'Another title' }, []],
  ['a purpose that is gone', { purposes: others }, ['removed #/purposes/research']],
  [
    'the basis and the data of a purpose',
    {
      purposes: {
        ...policy.purposes,
        research: { ...research!, legal_basis: 'consent', consent: true, data: ['card'] },
      },
    },
    [
      'changed #/purposes/research/legal_basis',
      'changed #/purposes/research/consent',
      'changed #/purposes/research/data',
    ],
  ],
  [
    'no change when names come in another order',
    { purposes: { ...policy.purposes, research: { ...research!, data: research!.data.toReversed() } } },
    [],
  ],
  [
    'recipients',
    { recipients: { ...policy.recipients, banks: { description: 'Banks', countries: ['DE'] } } },
    ['added #/recipients/banks'],
  ],
  ['the controller', { controller: { ...policy.controller, country: 'MY' } }, ['changed #/controller']],
  ['the settlement window', { settlement_days: 30 }, ['changed #/settlement_days']],
])('says of %s what has changed', (_what, changes, expected) => {
  expect(differences(changes)).toEqual(expected)
})

it('says that a text has changed, and not how', () => {
  expect(differences({}, 'Another text')).toEqual(['changed #'])
})

it('says what was there before, and what is there now', () => {
  const { marketing } = policy.purposes
  const changes: Partial<Policy> = {
    controller: { ...policy.controller, country: 'MY' },
    purposes: { ...policy.purposes, marketing: { ...marketing!, retention_days: { contact: 365 }, recipients: [] } },
    settlement_days: 30,
  }
  const texts = comparePolicies({ ...policy, text: 'Text' }, { ...policy, ...changes, text: 'Text' }).map(
    ({ text }) => text,
  )
  expect(texts).toEqual([
    'The controller has changed: Example Shop Pte. Ltd, privacy@shop.example, SG before, Example Shop Pte. Ltd, privacy@shop.example, MY now.',
    'Who gets the data for the purpose marketing has changed: affiliates, contractors before, none now.',
    'How many days data is kept for the purpose marketing has changed: contact 730 before, contact 365 now.',
    'How many days a card is kept without a consent has changed: 120 before, 30 now.',
  ])
})
