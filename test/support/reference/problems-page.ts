import { PROBLEM_STATUSES } from '../../../src/http/documents/problem-statuses.ts'
import { PROBLEM_CODES, PROBLEMS, titleOf } from '../../../src/values/problem-codes.ts'
import { page, paragraph, table } from './markdown.ts'

const INTRODUCTION = [
  paragraph(`An error of the API is a problem document (RFC 9457) of the media type \`application/problem+json\`. Decide by
    \`code\`: a code is never renamed or reused. \`title\` and \`detail\` are for people and may change.`),
  `\`\`\`json
{
  "type": "https://localhost:8443/problems/invalid-card-number",
  "title": "The card number is not acceptable",
  "status": 422,
  "code": "invalid-card-number",
  "request_id": "req_01k1m0s0v8k6c4x2q9w7e5r3t1",
  "errors": [{ "pointer": "#/card/number", "detail": "…" }]
}
\`\`\``,
  paragraph(`No member repeats what was sent. \`errors\` has an entry for each fault, with a JSON pointer into the body.
    \`request_id\` is also in the header \`Request-Id\`, in the log of the server and in the audit event. \`type\` is a page of
    the vault itself that shows the entry below. Answers of status 429 and 503 carry \`Retry-After\`.`),
  paragraph(`Errors of \`POST /oauth/token\` are \`application/json\` (RFC 6749 section 5.2): \`error\` and \`error_description\`
    are added to the same members. A request that is not well-formed HTTP gets a problem document everywhere.`),
  paragraph(`401 \`unauthenticated\` and 403 \`scope-missing\` carry challenges in \`WWW-Authenticate\` for \`Bearer\` and
    \`DPoP\`. A challenge names the \`scope\` that the call needs (for a reveal the scope of the record's kind) and
    \`resource_metadata\` (RFC 9728). Where only a proof of the key helps, the challenge is \`DPoP\` alone.`),
]

/** Every code of a problem, from `src/values/problems` and its status. */
export function problemsPage(): string {
  const parts = PROBLEM_CODES.flatMap((code) => {
    const { title, meaning, remedy } = PROBLEMS[code]
    return [
      `### ${code}`,
      `**${PROBLEM_STATUSES[code]}** · ${title}.`,
      paragraph(meaning),
      paragraph(`*What to do:* ${remedy}`),
    ]
  })
  const rows = PROBLEM_CODES.map((code) => [`[\`${code}\`](#${code})`, String(PROBLEM_STATUSES[code]), titleOf(code)])
  return page('Problems', [
    ...INTRODUCTION,
    '## All codes',
    table(['Code', 'Status', 'Title'], rows),
    '## What each code means',
    ...parts,
  ])
}
