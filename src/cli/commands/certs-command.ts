import { readConfig } from '../../config/config.ts'
import { ensureDevelopmentCertificate } from '../../http/tls/development-certificate.ts'
import { type Json, print } from '../command.ts'

/** `strongroom certs dev` */
export async function makeCertificate(options: Json): Promise<void> {
  const { certsDir } = readConfig().tls
  const created = await ensureDevelopmentCertificate({ certsDir })
  print(options, { created, certs_dir: certsDir }, () =>
    created ? `made ${certsDir}/ca.pem and server.pem` : 'a certificate is there already',
  )
}
