/** What the help of a command does not say. */
export const COMMAND_NOTES: Readonly<Record<string, readonly string[]>> = {
  serve: ['`npm start` does the same. On an older Node.js every command continues on the one that npm installed.'],
  migrate: [
    `Needs \`DATABASE_OWNER_URL\` for a database of your own. It also gives events in the default partition of the log the
      partition of their month. \`--accept-schema\` needs the keys; [upgrade](../how-to/upgrade.md) explains both.`,
  ],
  doctor: ['Creates nothing. Exit code 1 when it finds what would refuse a start.'],
  'clients add': [
    `Without \`--role\` the client can reveal nothing. \`--certificate\` and \`--certificate-name\` need
      \`STRONGROOM_CLIENT_CA\`, also for a self-signed certificate.`,
  ],
  'clients revoke': ['Needs no keys of the vault.'],
  'clients rotate-secret': ['The old secret ends at once, or after `--overlap`.'],
  'staff token': [
    `The name is stored in lower case. A token without \`--jkt\` reveals no card number in production. \`--dpop-jkt\` is another
      name of \`--jkt\`.`,
  ],
  'staff disable': ['Holds on every server, for tokens of any issuer. Needs no keys of the vault.'],
  'staff enable': ['Needs the keys of the vault.'],
  'roles check': ['Needs no vault. It names every fault with a JSON pointer.'],
  'policy check': ['Needs no vault. It names every fault with a JSON pointer.'],
  'policy publish': [
    '[Publish a privacy policy](../how-to/publish-a-policy.md) explains the file. The same file again changes nothing.',
  ],
  'policy adopt': ['The version that was adopted last holds, from the next request on.'],
  'issuers check': ['Exit code 0: the token is accepted; 1: it is refused.'],
  'access rebuild': [
    `Only where the ledger was changed and cannot be put back. Review all access, compare \`policy list\` with your files, and
      restart every server.`,
  ],
  'partners end': ['Needs no keys of the vault.'],
  'destinations check': ['It names every fault with a JSON pointer. Exit code 1 when it finds one.'],
  'destinations secret set': [
    'Takes one line from a terminal, or all of stdin without the end of its last line. [Forward to a processor](../how-to/forward-to-a-processor.md) shows both.',
  ],
  'keys inventory': [
    `MAC keys are limited by time alone, so their \`uses\` and \`uses_limit\` are null. \`--json\` includes the public keys of
      signing keys.`,
  ],
  'keys rotate': [
    'Callers notice nothing. Ctrl-C pauses a rotation (exit code 130); the next one resumes it.',
    '[Rotate keys](../how-to/rotate-keys.md) explains the steps.',
  ],
  'keys compromise': ['[Respond to key compromise](../how-to/respond-to-key-compromise.md) explains what to do next.'],
  'keys destroy': [
    `Refused while anything references the key, or while an older transaction may still store something under it. It says
      which backups still hold the key.`,
  ],
  'keys reopen': ['The reason is in the audit log in the clear.'],
  'keys ceremony': ['Refuses pipes: each custodian types at the terminal.'],
  unseal: ['Refuses pipes. The share goes to the server over the operator socket.'],
  'keys migrate-root': ['Touches no record. `--dry-run` makes a key at the new provider, tries it and removes it.'],
  'records verify': [
    `Runs beside the servers and takes no lock. With \`--json\` each line is progress (\`"done": false\`), a finding (\`code\`,
      \`token\`, \`detail\`) or the result. Exit code 1 when it finds something.`,
  ],
  'audit verify': [
    `Needs no key of the vault. Without \`--key\` it takes the log's own word for its key, which proves only that the log agrees
      with itself. Exit code 1 when it finds something.`,
  ],
  'audit key': ['Note the keys where the owner of the database cannot change them.'],
  'audit export': ['Leaves an audit event before the first byte. A file gets mode 0600.'],
  'audit tail': ['[Ship to a SIEM](../how-to/ship-to-a-siem.md) explains delivery and the cursor.'],
  'audit acknowledge': [
    'Use the same `--since` and `--time-zone` as for the review. The note is in the log in the clear.',
  ],
  'audit drop': ['At least 12 months are kept (PCI DSS 10.5.1). Needs `DATABASE_OWNER_URL` and the keys of the vault.'],
  'restore apply': [
    `Needs \`--log\`, \`--erasures\` or both. Exit code 2 when the file is not the newer log, or holds no line, of this vault.`,
  ],
  'records erasure-certificate': [
    'Needs `STRONGROOM_BACKUP_DAYS`. [Erase and retain](../how-to/erase-and-retain.md#certify-an-erasure) says what it proves.',
  ],
  'retention run': [
    `With \`--json\` each line is progress (\`"done": false\`) or the result. Ctrl-C pauses it (exit code 130).
      [Erase and retain](../how-to/erase-and-retain.md) explains the rules.`,
  ],
  'retention verify': ['Exit code 1 when anything is overdue or was changed outside the vault.'],
  'retention enable': [
    'In the answer with `--json`, `*` stands for records without a published version, which go by the adopted one.',
  ],
  'retention hold add': ['The reason is in the audit log in the clear.'],
  'retention hold release': [
    'Takes the id of a hold, or the token of a record for all of its holds. If another hold keeps the record, nothing is erased.',
  ],
  visits: [
    'Needs servers with `STRONGROOM_VISITS=on`. `few` is a count below five, or one that would follow from others.',
  ],
}
