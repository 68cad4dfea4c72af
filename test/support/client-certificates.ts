import { KeyObject, webcrypto, X509Certificate } from 'node:crypto'
import type { JsonGeneralNames } from '@peculiar/x509'
import { importX509 } from '../../src/http/tls/development-certificate.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const HOUR_MS = 60 * 60 * 1000

export interface ClientCertificate {
  cert: string
  key: string
}

export interface CertificateWish {
  /** Outermost part first, as in the certificate; RFC 4514 writes it the other way round. */
  subject: string
  names?: JsonGeneralNames
  /** Hours from now. */
  validFor?: [from: number, to: number]
  /** Of a server; otherwise of a client. */
  ofServer?: true
}

/** An authority for client certificates; anyone can make one, with any name. */
export async function createClientAuthority(name = 'CN=Test client CA') {
  const x509 = await importX509()
  const keys = await generateKeys()
  const validity = (from = -1, to = 24) => ({
    notBefore: new Date(Date.now() + from * HOUR_MS),
    notAfter: new Date(Date.now() + to * HOUR_MS),
  })
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name,
    ...validity(),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  })

  const leaf = async (wish: CertificateWish, isSelfSigned: boolean): Promise<ClientCertificate> => {
    const own = await generateKeys()
    const certificate = await x509.X509CertificateGenerator.create({
      subject: wish.subject,
      issuer: isSelfSigned ? wish.subject : ca.subject,
      ...validity(...(wish.validFor ?? [])),
      publicKey: own.publicKey,
      signingKey: isSelfSigned ? own.privateKey : keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[wish.ofServer ? 'serverAuth' : 'clientAuth']]),
        ...(wish.names ? [new x509.SubjectAlternativeNameExtension(wish.names)] : []),
      ],
    })
    const key = KeyObject.from(own.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString()
    return { cert: `${certificate.toString('pem')}\n`, key }
  }
  return {
    pem: `${ca.toString('pem')}\n`,
    issue: (wish: CertificateWish) => leaf(wish, false),
    selfSigned: (wish: CertificateWish) => leaf(wish, true),
    /** A list in PEM of those that it has revoked, valid from and until so many hours from now. */
    async revoke(certificates: readonly ClientCertificate[], [from, to]: [number, number] = [-1, 24]): Promise<string> {
      const crl = await x509.X509CrlGenerator.create({
        issuer: ca.subject,
        thisUpdate: validity(from).notBefore,
        nextUpdate: validity(from, to).notAfter,
        entries: certificates.map(({ cert }) => ({ serialNumber: new X509Certificate(cert).serialNumber })),
        signingAlgorithm: ALGORITHM,
        signingKey: keys.privateKey,
      })
      // RFC 7468 section 6: the label that OpenSSL reads.
      return `${crl.toString('pem').replaceAll(' CRL-----', ' X509 CRL-----')}\n`
    },
  }
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}
