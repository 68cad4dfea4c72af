import { describe, expect, it } from 'vitest'
import { readTakeaways } from './takeaways.ts'

const AT = '2026-11-29T12:00:00.000Z'

/** What events say in this order; each is named after its place. */
function read(...events: object[]) {
  const reader = readTakeaways()
  events.forEach((event, at) => {
    const caller = { id: 'operator:test', kind: 'operator' }
    reader.add(JSON.stringify({ at: AT, caller, id: `evt_${at}`, outcome: 'success', ...event }))
  })
  return reader.takeaways
}

describe('what a newer log takes away', () => {
  it('is what was not given back later, and was done', () => {
    const { staffDisabled, callersSuspended, clientsRevoked, count } = read(
      { type: 'staff.disable', subject: 'staff:ann' },
      { type: 'staff.enable', subject: 'staff:ann' },
      { type: 'staff.disable', subject: 'staff:bob' },
      { type: 'caller.suspend', subject: 'staff:cid', purpose: 'enforce-rights' },
      { type: 'caller.suspend', subject: 'staff:dan' },
      { type: 'caller.lift', subject: 'staff:dan' },
      { type: 'client.revoke', subject: 'client_a', outcome: 'failed' },
    )
    expect(count).toBe(7)
    expect([...staffDisabled]).toEqual([['staff:bob', { event: 'evt_2' }]])
    expect([...callersSuspended]).toEqual([['staff:cid', { event: 'evt_3', purpose: 'enforce-rights' }]])
    expect([...clientsRevoked]).toEqual([])
  })

  it('is every hold that was not released, which a backup would not keep', () => {
    const added = { type: 'hold.add', token: 'card_a', reason: 'Case 7', until: AT }
    const { holdsAdded } = read(
      { ...added, subject: 'hold_a', purpose: 'enforce-rights' },
      { ...added, subject: 'hold_b' },
      { type: 'hold.release', token: 'card_a', subject: 'hold_b' },
      { ...added, token: 'card_b', subject: 'hold_c' },
      { type: 'hold.release', token: 'card_b' },
    )
    const hold = { event: 'evt_0', token: 'card_a', purpose: 'enforce-rights', reason: 'Case 7', until: AT }
    expect([...holdsAdded]).toEqual([['hold_a', hold]])
  })

  it('is every erasure that was ordered and not done, and what keeps records longer', () => {
    const intent = { type: 'record.erase-intent', site: 'default' }
    const { ordered, retention } = read(
      { ...intent, token: 'card_a', reason: 'request', code: 'erasure-postponed' },
      { ...intent, token: 'card_b', reason: 'consent-withdrawn' },
      { ...intent, token: 'card_c', reason: 'retention' },
      { type: 'record.erase', token: 'card_b', site: 'default' },
      { type: 'retention.disable' },
    )
    expect([...ordered]).toEqual([['card_a', { event: 'evt_0', site: 'default', reason: 'request' }]])
    expect(retention).toEqual({ event: 'evt_4' })
    for (const type of ['consent.give', 'policy.adopt', 'policy.publish']) {
      expect(read({ type, token: 'card_a', fields: ['store-card'] }).retention, type).toEqual({ event: 'evt_0' })
    }
    expect(read({ type: 'retention.enable' }).retention).toBeUndefined()
  })

  it('is every consent that was withdrawn and not given again', () => {
    const consents = (type: 'give' | 'withdraw', token: string, ...fields: string[]) => ({
      type: `consent.${type}`,
      token,
      site: 'default',
      fields,
    })
    const { withdrawn } = read(
      consents('give', 'cont_a', 'marketing'),
      consents('withdraw', 'cont_a', 'marketing', 'research'),
      consents('give', 'cont_a', 'research'),
      consents('withdraw', 'cont_b', 'marketing'),
      consents('give', 'cont_b', 'marketing'),
      consents('withdraw', 'cont_c', 'marketing'),
      consents('withdraw', 'cont_c', 'research'),
    )
    expect([...withdrawn]).toEqual([
      ['cont_a', { event: 'evt_1', site: 'default', consents: ['marketing'] }],
      ['cont_c', { event: 'evt_6', site: 'default', consents: ['marketing', 'research'] }],
    ])
  })

  it('is every approval that was used or refused', () => {
    const { approvalsOver } = read(
      { type: 'record.reveal', token: 'card_a', approval: 'apr_a' },
      { type: 'record.reveal', token: 'card_b' },
      { type: 'approval.refuse', token: 'card_c', subject: 'apr_c' },
      { type: 'approval.approve', token: 'card_d', subject: 'apr_d' },
      { type: 'record.release', token: 'card_e', approval: 'apr_e' },
    )
    expect([...approvalsOver]).toEqual([
      ['card_a', { event: 'evt_0', approval: 'apr_a' }],
      ['card_c', { event: 'evt_2', approval: 'apr_c' }],
      ['card_e', { event: 'evt_4', approval: 'apr_e' }],
    ])
  })

  it('is the newest root key that has replaced another, with its custodians, whichever event comes first', () => {
    const acknowledge = (name: string, subject: string) => ({
      type: 'root-key.acknowledge',
      subject,
      caller: { id: `custodian:${name}`, kind: 'operator' },
    })
    const { rootKey } = read(
      acknowledge('Ada', 'root_a'),
      { type: 'root-key.replace', subject: 'root_a' },
      acknowledge('Bo', 'root_b'),
      { type: 'root-key.replace', subject: 'root_b' },
      acknowledge('Cy', 'root_b'),
    )
    expect(rootKey).toEqual({ id: 'root_b', custodians: ['Bo', 'Cy'] })
    expect(read({ type: 'root-key.replace', subject: 'root_c' }).rootKey).toEqual({ id: 'root_c', custodians: [] })
    expect(read(acknowledge('Ada', 'root_a')).rootKey).toBeUndefined()
  })
})
