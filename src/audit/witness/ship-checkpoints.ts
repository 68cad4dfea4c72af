import { Agent } from 'node:https'
import { setTimeout as wait } from 'node:timers/promises'
import type { Database } from '../../database/database.ts'
import type { Alert, AlertFacts } from '../../observability/alert.ts'
import type { Background } from '../../observability/background.ts'
import type { Job } from '../../observability/jobs.ts'
import { consistencyProof } from '../formats/merkle.ts'
import { parseNote } from '../formats/signed-note.ts'
import { subtreesOfTiles } from '../formats/tile.ts'
import { selectTile } from '../log/log-store.ts'
import { askWitness, Refused, SignedOther } from './ask-witness.ts'
import { Undelivered } from './post-text.ts'
import { shipNote } from './ship-note.ts'
import { addCosignature, addTargets, type DueShipment, settleShipment, takeDueShipments } from './witness-store.ts'
import type { Shipping, Target, Witness } from './witnesses-file.ts'

const LOOK_EVERY_MS = 500
/** Longer than any target may take; then another server may try. */
const LEASE_SECONDS = 60
const FIRST_PAUSE_SECONDS = 1
const LONGEST_PAUSE_SECONDS = 60
/** A target that was only restarted raises no alert. */
const FAILURES_UNTIL_ALERT = 3
/** How long a server that stops still ships its last checkpoint. */
const LAST_WORDS_MS = 5_000

export interface ShipCheckpointsDeps {
  database: Database
  alert: Alert
  background: Background
  /** Whether shipping waits: the log is not known to be the one that was shipped before. */
  isHeld: () => boolean
  /** Called for a witness that has signed what the log does not contain. */
  onSignedOther: (target: string, signed: SignedOther) => Promise<void>
  /** Says that a target is there again. */
  log: (facts: AlertFacts, message: string) => void
}

/**
 * Ships the latest checkpoint to every target, each as often as it wants at the most, and has the witnesses among them sign
 * it. A target that fails is tried again, ever more rarely; neither the log nor a request ever waits for one. The database
 * knows how far each has come.
 */
export function shipCheckpoints(
  deps: ShipCheckpointsDeps,
  shipping: Shipping,
): { jobs: readonly Job[]; stop(): Promise<void> } {
  const { database, alert, background, log } = deps
  const onError = (error: unknown) => background.failed('ship-checkpoints', error)
  const targets = new Map(shipping.targets.map((target) => [target.name, target]))
  /** One connection for each, kept between checkpoints. */
  const agents = new Map(shipping.targets.map(({ name }) => [name, new Agent({ keepAlive: true, maxSockets: 1 })]))
  const failures = new Map<string, number>()
  const underWay = new Map<string, Promise<void>>()
  let isKnown = false

  async function ship(target: Target, due: DueShipment): Promise<void> {
    try {
      const agent = agents.get(target.name)
      if (target.kind === 'witness') await collectCosignature(database, target, due, agent)
      else await shipNote(target, due.note, agent)
    } catch (error) {
      if (!(error instanceof Undelivered || error instanceof Refused)) throw error
      return fail(target, due, error)
    }
    if ((failures.get(target.name) ?? 0) >= FAILURES_UNTIL_ALERT)
      log({ target: target.name }, 'checkpoints arrive again')
    failures.delete(target.name)
    await settleShipment(database, target.name, due.size, shipping.everySeconds)
  }

  async function fail({ name }: Target, due: DueShipment, error: Undelivered | Refused): Promise<void> {
    const before = failures.get(name) ?? 0
    // A refusal is not a hiccup: it counts as all the failures that an alert takes.
    const count = error instanceof Refused ? Math.max(before + 1, FAILURES_UNTIL_ALERT) : before + 1
    failures.set(name, count)
    if (error instanceof SignedOther) await deps.onSignedOther(name, error)
    if (before < FAILURES_UNTIL_ALERT && count >= FAILURES_UNTIL_ALERT) {
      const code = error instanceof Refused ? 'audit-witness-refuses' : 'audit-witness-unreachable'
      alert(code, { target: name, reason: error.message, size: due.size })
    }
    const pause = Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (count - 1))
    await settleShipment(database, name, due.shipped, pause)
  }

  async function look(isLast = false): Promise<void> {
    if (!isKnown) await addTargets(database, [...targets.keys()])
    isKnown = true
    // A witness says itself what it has signed.
    const isHeld = ({ kind }: Target) => kind !== 'witness' && deps.isHeld()
    const free = [...targets.values()]
      .filter((target) => !underWay.has(target.name) && !(isLast && failures.has(target.name)) && !isHeld(target))
      .map(({ name }) => name)
    for (const due of await takeDueShipments(database, free, LEASE_SECONDS, isLast)) {
      const shipped = ship(targets.get(due.target)!, due)
        .catch(onError)
        .finally(() => underWay.delete(due.target))
      underWay.set(due.target, shipped)
    }
  }

  return {
    jobs: [{ name: 'ship-checkpoints', everyMs: LOOK_EVERY_MS, firstMs: 0, run: () => look() }],
    /** Ships what was signed last, for as long as a stop may take. */
    async stop() {
      await background.tasks.get('ship-checkpoints')?.stop()
      const arrived = Promise.all(underWay.values()).then(() => look(true).catch(onError))
      const lastWords = arrived.then(() => Promise.all(underWay.values()))
      await Promise.race([lastWords, wait(LAST_WORDS_MS, undefined, { ref: false })])
      for (const agent of agents.values()) agent.destroy()
    },
  }
}

async function collectCosignature(
  database: Database,
  witness: Witness,
  due: DueShipment,
  agent: Agent | undefined,
): Promise<void> {
  const { shipped, size, note } = due
  const read = subtreesOfTiles((tile) => selectTile(database, tile), size)
  const proofFrom = (older: number) => consistencyProof(read, older, size)
  const cosignature = await askWitness(witness, { size, note }, shipped, proofFrom, agent)
  await addCosignature(database, parseNote(note).text, witness.key.name, cosignature)
}
