/**
 * Card numbers that schemes and processors publish for tests, without spaces: no real card has them. Sources: Stripe
 * (Testing), Adyen (Test card numbers), PayPal (Card testing) and the test ranges of the schemes.
 */
const TEST_CARDS: ReadonlySet<string> = new Set([
  // visa
  '4242424242424242',
  '4000000000003220',
  '4000002500003155',
  '4000000000000002',
  '4000000000009995',
  '4000000000003063',
  '4000000000000077',
  '4000056655665556',
  '4012888888881881',
  '4111111111111111',
  '4111111145551142',
  '4222222222222',
  // mastercard
  '5555555555554444',
  '2223003122003222',
  '2223000048400011',
  '5200828282828210',
  '5105105105105100',
  '5454545454545454',
  // amex
  '378282246310005',
  '371449635398431',
  '370000000000002',
  // discover, diners, jcb
  '6011111111111117',
  '6011000990139424',
  '6011981111111113',
  '3056930009020004',
  '36227206271667',
  '30569309025904',
  '38520000023237',
  '3566002020360505',
  '3530111333300000',
  // unionpay, maestro
  '6200000000000005',
  '6200000000000047',
  '6205500000000000004',
  '6759649826438453',
])

/** @param number digits only */
export function isTestCard(number: string): boolean {
  return TEST_CARDS.has(number)
}
