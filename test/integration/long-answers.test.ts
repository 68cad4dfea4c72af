import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { card } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

// Sixteen thousand cards take their time on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const REQUESTS = 16

/** A client with an event loop of its own, as every client has: each of its connections sends as soon as it has the last answer. */
const client = `
  const { Agent, request } = require('node:https')
  const { parentPort, workerData } = require('node:worker_threads')
  const { body, requests, ...target } = workerData
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  const answers = {}
  const send = () => new Promise((resolve) => {
    const sent = request({ ...target, agent, method: 'POST' }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode))
    })
    sent.once('error', (error) => resolve(error.code)).end(body)
  })
  Promise.all([1, 2, 3, 4].map(async () => {
    for (let at = 0; at < requests / 4; at++) {
      const answer = await send()
      answers[answer] = (answers[answer] ?? 0) + 1
    }
  })).then(() => {
    agent.destroy()
    parentPort.postMessage(answers)
  })`

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
})
afterAll(() => vault.stop())

it('takes the next long request of a connection as soon as its client has the whole of the long answer before', async () => {
  const token = await vault.clientToken(['tokenize'], { role: 'checkout' })
  const body = JSON.stringify({ items: Array.from({ length: 1000 }, () => ({ card })) })
  const worker = new Worker(client, {
    eval: true,
    workerData: {
      body,
      requests: REQUESTS,
      ca: vault.ca,
      port: vault.port,
      host: '127.0.0.1',
      servername: 'localhost',
      path: '/v1/tokenize/batch',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-length': body.length },
    },
  })
  try {
    const answers = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    expect(answers).toEqual({ 200: REQUESTS })
  } finally {
    await worker.terminate()
  }
})
