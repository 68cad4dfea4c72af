import type { Vault } from '../../src/vault.ts'

/** What tests reach into of a vault that is open in this process. */
export class VaultParts {
  readonly background: Vault['background']
  readonly beginShutdown: Vault['beginShutdown']
  readonly book: Vault['book']
  readonly checkReady: Vault['checkReady']
  readonly commands: Vault['commands']
  readonly destinations: Vault['destinations']
  readonly issuer: Vault['issuer']
  readonly logger: Vault['logger']
  readonly metrics: Vault['metrics']
  readonly newAuditEvent: Vault['newAuditEvent']
  readonly rootKeys: Vault['rootKeys']
  readonly routes: Vault['routes']
  readonly sealedBecause: Vault['sealedBecause']
  readonly takeFailure: Vault['takeFailure']
  readonly unsealing: Vault['unsealing']
  readonly warm: Vault['warm']
  protected readonly closeVault: Vault['close']

  constructor(vault: Vault) {
    this.background = vault.background
    this.beginShutdown = vault.beginShutdown
    this.book = vault.book
    this.checkReady = vault.checkReady
    this.commands = vault.commands
    this.destinations = vault.destinations
    this.issuer = vault.issuer
    this.logger = vault.logger
    this.metrics = vault.metrics
    this.newAuditEvent = vault.newAuditEvent
    this.rootKeys = vault.rootKeys
    this.routes = vault.routes
    this.sealedBecause = vault.sealedBecause
    this.takeFailure = vault.takeFailure
    this.unsealing = vault.unsealing
    this.warm = vault.warm
    this.closeVault = vault.close
  }
}
