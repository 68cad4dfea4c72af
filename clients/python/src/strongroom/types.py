"""Written by tools/write_types.py from docs/reference/openapi.json. Change the source, not this file."""

from __future__ import annotations
from typing import Any, Literal, TypeAlias
from typing_extensions import NotRequired, TypedDict


class TokenRequest(TypedDict):
    grant_type: Literal["client_credentials"]
    client_id: NotRequired[str]
    """
    Unless the client proves itself by the Authorization header
    """
    client_secret: NotRequired[str]
    """
    Of a client with a secret that sends it in the body
    """
    client_assertion_type: NotRequired[
        Literal["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    ]
    client_assertion: NotRequired[str]
    """
    A JWT that the client signed (RFC 7523)
    """
    scope: NotRequired[str]
    """
    Some of the scopes of the client, with spaces; default: all
    """


Consent: TypeAlias = str


class Card(TypedDict):
    number: str
    """
    Card number, 12 to 19 digits of any script; spaces and dashes are dropped
    """
    exp_month: int
    """
    Month of expiry
    """
    exp_year: int
    """
    Year of expiry, four digits
    """
    holder_name: NotRequired[str]
    """
    Name on the card
    """


class Address(TypedDict):
    line1: str
    """
    First line, as it is written on an envelope
    """
    country: str
    """
    ISO 3166-1 alpha-2
    """
    name: NotRequired[str]
    """
    Addressee
    """
    company: NotRequired[str]
    """
    Company or organisation
    """
    line2: NotRequired[str]
    """
    Second line
    """
    district: NotRequired[str]
    """
    Part of a city
    """
    city: NotRequired[str]
    """
    City or town
    """
    region: NotRequired[str]
    """
    State, province or prefecture
    """
    postal_code: NotRequired[str]
    """
    Postal code
    """
    phone: NotRequired[str]
    """
    Telephone number, stored as sent and in E.164
    """
    instructions: NotRequired[str]
    """
    Instructions for the delivery
    """


class Contact(TypedDict):
    name: NotRequired[str]
    """
    Full name
    """
    email: NotRequired[str]
    """
    E-mail address
    """
    phone: NotRequired[str]
    """
    Telephone number with + and country code
    """


Field: TypeAlias = str


class RevealRequest(TypedDict):
    """
    What a record is revealed for, and which of its fields
    """

    purpose: Literal[
        "respond-to-query",
        "provide-goods",
        "process-payment",
        "communicate",
        "enforce-rights",
        "research",
        "marketing",
        "legal-compliance",
        "other-consented",
    ]
    reason: NotRequired[str]
    """
    the reason; stored sealed beside the audit event
    """
    ticket: NotRequired[str]
    """
    the ticket or case that asks for it; it is in the audit event in the clear
    """
    authority: NotRequired[str]
    """
    the name of the authority that asks, never of a person; it is in the audit event in the clear
    """
    break_glass: NotRequired[bool]
    """
    release without waiting for an approval; it raises an alert
    """
    fields: NotRequired[list[Field]]
    """
    only these fields; default: all granted fields
    """


class RevealItem(TypedDict):
    token: str
    fields: NotRequired[list[Field]]
    """
    only these fields; default: all granted fields
    """


class PartnerReleaseRequest(TypedDict):
    """
    The partner to whose key a record is released, what for, and which of its fields
    """

    partner: str
    """
    The id of the partner
    """
    purpose: Literal[
        "respond-to-query",
        "provide-goods",
        "process-payment",
        "communicate",
        "enforce-rights",
        "research",
        "marketing",
        "legal-compliance",
        "other-consented",
    ]
    reason: NotRequired[str]
    """
    the reason; stored sealed beside the audit event
    """
    ticket: NotRequired[str]
    """
    the ticket or case that asks for it; it is in the audit event in the clear
    """
    authority: NotRequired[str]
    """
    the name of the authority that asks, never of a person; it is in the audit event in the clear
    """
    break_glass: NotRequired[bool]
    """
    release without waiting for an approval; it raises an alert
    """
    fields: NotRequired[list[Field]]
    """
    only these fields; default: all granted fields
    """


class Place(TypedDict):
    """
    A place, as a caller describes it
    """

    line1: str
    line2: NotRequired[str]
    district: NotRequired[str]
    city: NotRequired[str]
    region: NotRequired[str]
    postal_code: NotRequired[str]
    country: NotRequired[str]


ComparedValue: TypeAlias = str | Place
"""
A text, or a place to compare with an address
"""


class MatchByToken(TypedDict):
    """
    Compares another record with the record; default: in all that they share
    """

    purpose: NotRequired[
        Literal[
            "respond-to-query",
            "provide-goods",
            "process-payment",
            "communicate",
            "enforce-rights",
            "research",
            "marketing",
            "legal-compliance",
            "other-consented",
        ]
    ]
    token: str
    fields: NotRequired[list[Literal["last4", "postal_code", "name", "address"]]]


class CardCorrection(TypedDict):
    """
    The fields of a record of the kind `card` to correct, at least one, and why
    """

    exp_month: NotRequired[int]
    """
    Month of expiry
    """
    exp_year: NotRequired[int]
    """
    Year of expiry, four digits
    """
    purpose: NotRequired[
        Literal[
            "respond-to-query",
            "provide-goods",
            "process-payment",
            "communicate",
            "enforce-rights",
            "research",
            "marketing",
            "legal-compliance",
            "other-consented",
        ]
    ]
    """
    what the change is for; it is in the audit event
    """
    reason: NotRequired[str]
    """
    the reason; stored sealed beside the audit event
    """
    ticket: NotRequired[str]
    """
    the ticket or case that asks for it; it is in the audit event in the clear
    """


class AddressCorrection(TypedDict):
    """
    The fields of a record of the kind `address` to correct, at least one, and why
    """

    line1: NotRequired[str]
    """
    First line, as it is written on an envelope
    """
    country: NotRequired[str]
    """
    ISO 3166-1 alpha-2
    """
    name: NotRequired[str | None]
    """
    Addressee
    """
    company: NotRequired[str | None]
    """
    Company or organisation
    """
    line2: NotRequired[str | None]
    """
    Second line
    """
    district: NotRequired[str | None]
    """
    Part of a city
    """
    city: NotRequired[str | None]
    """
    City or town
    """
    region: NotRequired[str | None]
    """
    State, province or prefecture
    """
    postal_code: NotRequired[str | None]
    """
    Postal code
    """
    phone: NotRequired[str | None]
    """
    Telephone number, stored as sent and in E.164
    """
    instructions: NotRequired[str | None]
    """
    Instructions for the delivery
    """
    purpose: NotRequired[
        Literal[
            "respond-to-query",
            "provide-goods",
            "process-payment",
            "communicate",
            "enforce-rights",
            "research",
            "marketing",
            "legal-compliance",
            "other-consented",
        ]
    ]
    """
    what the change is for; it is in the audit event
    """
    reason: NotRequired[str]
    """
    the reason; stored sealed beside the audit event
    """
    ticket: NotRequired[str]
    """
    the ticket or case that asks for it; it is in the audit event in the clear
    """


class ContactCorrection(TypedDict):
    """
    The fields of a record of the kind `contact` to correct, at least one, and why
    """

    name: NotRequired[str | None]
    """
    Full name
    """
    email: NotRequired[str | None]
    """
    E-mail address
    """
    phone: NotRequired[str | None]
    """
    Telephone number with + and country code
    """
    purpose: NotRequired[
        Literal[
            "respond-to-query",
            "provide-goods",
            "process-payment",
            "communicate",
            "enforce-rights",
            "research",
            "marketing",
            "legal-compliance",
            "other-consented",
        ]
    ]
    """
    what the change is for; it is in the audit event
    """
    reason: NotRequired[str]
    """
    the reason; stored sealed beside the audit event
    """
    ticket: NotRequired[str]
    """
    the ticket or case that asks for it; it is in the audit event in the clear
    """


class SearchRequest(TypedDict):
    """
    What records are looked for
    """

    by: Literal["customer", "email", "phone", "card_number"]
    value: str
    purpose: NotRequired[
        Literal[
            "respond-to-query",
            "provide-goods",
            "process-payment",
            "communicate",
            "enforce-rights",
            "research",
            "marketing",
            "legal-compliance",
            "other-consented",
        ]
    ]
    """
    what the search is for; required for card_number and accepted only there
    """
    reason: NotRequired[str]
    """
    the reason; stored sealed beside the audit event
    """
    ticket: NotRequired[str]
    """
    the ticket or case that asks for it; it is in the audit event in the clear
    """
    authority: NotRequired[str]
    """
    the name of the authority that asks, never of a person; it is in the audit event in the clear
    """


class Erasure(TypedDict):
    """
    Why a record is erased
    """

    purpose: NotRequired[
        Literal[
            "respond-to-query",
            "provide-goods",
            "process-payment",
            "communicate",
            "enforce-rights",
            "research",
            "marketing",
            "legal-compliance",
            "other-consented",
        ]
    ]
    """
    what the change is for; it is in the audit event
    """
    reason: NotRequired[str]
    """
    the reason; stored sealed beside the audit event
    """
    ticket: NotRequired[str]
    """
    the ticket or case that asks for it; it is in the audit event in the clear
    """


Origin: TypeAlias = str


class CheckoutSessionRequest(TypedDict):
    """
    What a checkout session is for
    """

    origins: list[Origin]
    """
    the origins of the pages that may show the fields, exactly as the browser sends them
    """
    customer: NotRequired[str]
    """
    the shop's own reference for the shopper
    """
    policy_version: NotRequired[str]
    """
    the version of the privacy policy that the shopper is shown
    """
    consents: NotRequired[list[Consent]]
    """
    the consents that the page asks for, by name
    """
    parts: NotRequired[
        list[
            Literal[
                "card",
                "billing_address",
                "shipping_address",
                "contact",
                "security_code",
            ]
        ]
    ]
    """
    the parts of the checkout that the page asks for; default: the card
    """
    return_url: NotRequired[str]
    """
    where the hosted page leads back to, at one of the origins
    """
    locale: NotRequired[str]
    """
    the language of the page, as a BCP 47 tag; default: en
    """
    minutes: NotRequired[int]
    """
    how long the session is open; default: 30
    """


class IdentityProof(TypedDict):
    """
    How the shop made sure that the shopper is who they say
    """

    method: Literal["signed-in", "code-to-contact", "document", "in-person", "other"]
    """
    how the shopper proved who they are
    """
    at: str
    """
    when, RFC 3339
    """
    by: str
    """
    the person or program that looked at the proof
    """


class PrivacyRequestChange(TypedDict):
    """
    What changes of a request
    """

    state: NotRequired[Literal["open", "in-progress", "done", "refused"]]
    """
    `done` and `refused` close the request
    """
    identity: NotRequired[IdentityProof]
    assignee: NotRequired[str]
    """
    the person in charge
    """
    note: NotRequired[str]
    """
    what the shopper asks for in detail; it is sealed
    """
    reason: NotRequired[str]
    """
    why it is refused, or answered later
    """
    extend: NotRequired[bool]
    """
    answers it later, once, where the law allows that; needs `reason`
    """


CustomerReportRequest = TypedDict(
    "CustomerReportRequest",
    {
        "customer": str,
        "from": NotRequired[str],
        "to": NotRequired[str],
        "request": NotRequired[str],
        "copy": NotRequired[Literal["shopper", "auditor"]],
    },
    closed=True,
)


class CustomerErasure(TypedDict):
    """
    Whose records are erased, and why
    """

    customer: str
    """
    the shop's own reference for the shopper
    """
    purpose: NotRequired[
        Literal[
            "respond-to-query",
            "provide-goods",
            "process-payment",
            "communicate",
            "enforce-rights",
            "research",
            "marketing",
            "legal-compliance",
            "other-consented",
        ]
    ]
    """
    what the change is for; it is in the audit event
    """
    reason: NotRequired[str]
    """
    the reason; stored sealed beside the audit event
    """
    ticket: NotRequired[str]
    """
    the ticket or case that asks for it; it is in the audit event in the clear
    """


WithdrawItem: TypeAlias = str


class WordedConsent(TypedDict):
    """
    A consent with the wording that the shopper agreed to
    """

    consent: str
    wording: NotRequired[str]
    """
    SHA-256 of the wording that the shopper agreed to, in hexadecimal; default: that of the policy
    """


class SecurityCode(TypedDict):
    """
    The security code of a card
    """

    card: str
    """
    The token of the card
    """
    code: str
    """
    The security code that is printed on the card
    """
    minutes: NotRequired[int]
    """
    how long it is kept at the most; default: 15
    """


class ForwardTokens(TypedDict):
    """
    The records that go along, by what they are used for
    """

    card: NotRequired[str]
    billing_address: NotRequired[str]
    shipping_address: NotRequired[str]
    contact: NotRequired[str]


class AccessToken(TypedDict):
    access_token: str
    token_type: str
    """
    How to send it in the Authorization header
    """
    expires_in: int
    """
    Seconds, at most 300
    """
    scope: str
    """
    The scopes of the token, with spaces
    """


class InputError(TypedDict):
    """
    A member of the body that is wrong. `pointer` is a JSON pointer in its URI fragment form (RFC 6901)
    """

    pointer: str
    detail: str


class Jwk(TypedDict):
    """
    A public key (RFC 7517)
    """

    kty: str
    kid: str
    use: str
    alg: str
    crv: str
    x: str
    y: str


class Problem(TypedDict):
    """
    Why a request was refused or failed (RFC 9457)
    """

    type: str
    """
    The page that explains the code
    """
    title: str
    """
    The code as a sentence for a person. Titles may change
    """
    status: int
    """
    The HTTP status
    """
    detail: NotRequired[str]
    """
    What is wrong with this request. It never quotes the request
    """
    code: str
    """
    What went wrong, for a program. New codes may come
    """
    request_id: str
    """
    As in the header `Request-Id`
    """
    errors: NotRequired[list[InputError]]
    """
    The members of the body that are wrong, at most 100
    """
    approval: NotRequired[str]
    """
    With `approval-required`: the id of the request that waits
    """
    token: NotRequired[str]
    """
    In a result of `POST /v1/reveal`: the record that it concerns
    """


class AuthorizationServerMetadata(TypedDict):
    """
    RFC 8414
    """

    issuer: str
    token_endpoint: str
    jwks_uri: str
    grant_types_supported: list[str]
    response_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    tls_client_certificate_bound_access_tokens: NotRequired[bool]
    dpop_signing_alg_values_supported: list[str]
    scopes_supported: list[str]
    subject_types_supported: NotRequired[list[str]]
    id_token_signing_alg_values_supported: NotRequired[list[str]]


class ProtectedResourceMetadata(TypedDict):
    """
    RFC 9728
    """

    resource: str
    resource_name: str
    resource_documentation: str
    authorization_servers: list[str]
    scopes_supported: list[str]
    bearer_methods_supported: list[str]
    dpop_signing_alg_values_supported: list[str]
    tls_client_certificate_bound_access_tokens: NotRequired[bool]


class MaskedCard(TypedDict):
    """
    The masked view of a record of the kind `card`
    """

    token: str
    """
    The token of the record
    """
    kind: Literal["card"]
    brand: str
    """
    Brand of the card
    """
    last4: str
    """
    Last four digits
    """
    exp_month: int
    """
    Month of expiry
    """
    exp_year: int
    """
    Year of expiry, four digits
    """
    bin: NotRequired[str]
    """
    First six digits, for roles that may see them
    """
    customer: NotRequired[str]
    """
    The shop's own reference for the shopper
    """
    policy_version: NotRequired[str]
    """
    The version of the privacy policy that the shopper was shown
    """
    version: int
    """
    Grows with each correction
    """
    created_at: str
    """
    When the record was stored
    """
    updated_at: str
    """
    When it was last corrected
    """


class MaskedAddress(TypedDict):
    """
    The masked view of a record of the kind `address`
    """

    token: str
    """
    The token of the record
    """
    kind: Literal["address"]
    use: NotRequired[str]
    """
    What it is used for
    """
    country: str
    """
    ISO 3166-1 alpha-2
    """
    region: NotRequired[str]
    """
    State, province or prefecture
    """
    postal_area: NotRequired[str]
    """
    The part of the postal code that names an area
    """
    initials: NotRequired[str]
    """
    Initials of the name
    """
    customer: NotRequired[str]
    """
    The shop's own reference for the shopper
    """
    policy_version: NotRequired[str]
    """
    The version of the privacy policy that the shopper was shown
    """
    version: int
    """
    Grows with each correction
    """
    created_at: str
    """
    When the record was stored
    """
    updated_at: str
    """
    When it was last corrected
    """


class MaskedContact(TypedDict):
    """
    The masked view of a record of the kind `contact`
    """

    token: str
    """
    The token of the record
    """
    kind: Literal["contact"]
    email: NotRequired[str]
    """
    The e-mail address with most of it hidden
    """
    phone: NotRequired[str]
    """
    The telephone number with all but its last two digits hidden
    """
    initials: NotRequired[str]
    """
    Initials of the name
    """
    customer: NotRequired[str]
    """
    The shop's own reference for the shopper
    """
    policy_version: NotRequired[str]
    """
    The version of the privacy policy that the shopper was shown
    """
    version: int
    """
    Grows with each correction
    """
    created_at: str
    """
    When the record was stored
    """
    updated_at: str
    """
    When it was last corrected
    """


class KeptSecurityCode(TypedDict):
    """
    The name of a security code that is kept for one use
    """

    security_code: str
    """
    The name of the code, for a forward
    """
    expires_at: str
    """
    Until when it can be used, in UTC
    """


class TokenizeSuccess(TypedDict):
    """
    A checkout of a batch that was stored
    """

    status: Literal[201]
    customer: NotRequired[str]
    """
    As it was sent
    """
    card: NotRequired[MaskedCard]
    billing_address: NotRequired[MaskedAddress]
    shipping_address: NotRequired[MaskedAddress]
    contact: NotRequired[MaskedContact]


class RevealedCard(TypedDict):
    """
    The granted fields that a record of the kind `card` has, and no others
    """

    number: NotRequired[str]
    """
    Card number, digits only
    """
    exp_month: NotRequired[int]
    """
    Month of expiry
    """
    exp_year: NotRequired[int]
    """
    Year of expiry, four digits
    """
    holder_name: NotRequired[str]
    """
    Name on the card
    """
    brand: NotRequired[str]
    """
    Brand of the card
    """
    last4: NotRequired[str]
    """
    Last four digits
    """
    bin: NotRequired[str]
    """
    First six digits, for roles that may see them
    """


class RevealedAddress(TypedDict):
    """
    The granted fields that a record of the kind `address` has, and no others
    """

    line1: NotRequired[str]
    """
    First line, as it is written on an envelope
    """
    country: NotRequired[str]
    """
    ISO 3166-1 alpha-2
    """
    name: NotRequired[str]
    """
    Addressee
    """
    company: NotRequired[str]
    """
    Company or organisation
    """
    line2: NotRequired[str]
    """
    Second line
    """
    district: NotRequired[str]
    """
    Part of a city
    """
    city: NotRequired[str]
    """
    City or town
    """
    region: NotRequired[str]
    """
    State, province or prefecture
    """
    postal_code: NotRequired[str]
    """
    Postal code
    """
    phone: NotRequired[str]
    """
    Telephone number, stored as sent and in E.164
    """
    instructions: NotRequired[str]
    """
    Instructions for the delivery
    """
    phone_e164: NotRequired[str]
    """
    Telephone number in E.164
    """
    postal_area: NotRequired[str]
    """
    The part of the postal code that names an area
    """
    initials: NotRequired[str]
    """
    Initials of the name
    """


class RevealedContact(TypedDict):
    """
    The granted fields that a record of the kind `contact` has, and no others
    """

    name: NotRequired[str]
    """
    Full name
    """
    email: NotRequired[str]
    """
    E-mail address
    """
    phone: NotRequired[str]
    """
    Telephone number with + and country code
    """
    phone_e164: NotRequired[str]
    """
    Telephone number in E.164
    """
    email_masked: NotRequired[str]
    """
    The e-mail address with most of it hidden
    """
    phone_last2: NotRequired[str]
    """
    The last two digits of the telephone number
    """
    initials: NotRequired[str]
    """
    Initials of the name
    """


class CardReleaseResult(TypedDict):
    """
    The release of one of several records
    """

    status: Literal[200]
    token: str
    """
    The token of the record
    """
    kind: Literal["card"]
    data: RevealedCard
    event: str
    """
    The id of the audit event that records the release
    """


class AddressReleaseResult(TypedDict):
    """
    The release of one of several records
    """

    status: Literal[200]
    token: str
    """
    The token of the record
    """
    kind: Literal["address"]
    data: RevealedAddress
    event: str
    """
    The id of the audit event that records the release
    """


class ContactReleaseResult(TypedDict):
    """
    The release of one of several records
    """

    status: Literal[200]
    token: str
    """
    The token of the record
    """
    kind: Literal["contact"]
    data: RevealedContact
    event: str
    """
    The id of the audit event that records the release
    """


class PartnerRelease(TypedDict):
    """
    What was released to the key of a partner
    """

    token: str
    """
    The token of the record
    """
    kind: str
    jwe: str
    """
    The answer of a reveal as a JWE (RFC 7516) that only the partner opens
    """
    event: str
    """
    The id of the audit event that records the release
    """


class Approval(TypedDict):
    """
    A release that needs a second person, or a review after break-glass
    """

    id: str
    """
    The id of the request
    """
    state: str
    caller: str
    """
    Who asks
    """
    role: str
    """
    Their role
    """
    site: str
    token: str
    """
    The record that they ask for
    """
    record_version: int | None
    """
    Its version; null for a request of an older vault
    """
    fields: list[str]
    """
    What they ask to see of it
    """
    purpose: str
    ticket: NotRequired[str]
    authority: NotRequired[str]
    partner: NotRequired[str]
    """
    The partner to whose key it would leave; left out: it leaves to the caller
    """
    requested_at: str
    expires_at: str
    """
    Until when it can be approved or, once it is, used
    """
    decided_by: str | None
    decided_at: str | None


MaskedRecord: TypeAlias = MaskedCard | MaskedAddress | MaskedContact
"""
The masked view of a record; `kind` says of which kind
"""


class ApprovalDecision(TypedDict):
    id: str
    """
    The id of the request
    """
    state: str


class MatchAnswer(TypedDict):
    matches: bool


class DisclosedToItem(TypedDict):
    partner: str
    """
    The id of the partner
    """
    name: str
    country: str
    """
    ISO 3166-1 alpha-2
    """


class CorrectedCard(TypedDict):
    """
    A corrected record of the kind `card`
    """

    token: str
    """
    The token of the record
    """
    kind: Literal["card"]
    brand: str
    """
    Brand of the card
    """
    last4: str
    """
    Last four digits
    """
    exp_month: int
    """
    Month of expiry
    """
    exp_year: int
    """
    Year of expiry, four digits
    """
    bin: NotRequired[str]
    """
    First six digits, for roles that may see them
    """
    customer: NotRequired[str]
    """
    The shop's own reference for the shopper
    """
    policy_version: NotRequired[str]
    """
    The version of the privacy policy that the shopper was shown
    """
    version: int
    """
    Grows with each correction
    """
    created_at: str
    """
    When the record was stored
    """
    updated_at: str
    """
    When it was last corrected
    """
    disclosed_to: NotRequired[list[DisclosedToItem]]
    """
    The partners that were given an old value within a year; a notice to each is queued
    """


class CorrectedAddress(TypedDict):
    """
    A corrected record of the kind `address`
    """

    token: str
    """
    The token of the record
    """
    kind: Literal["address"]
    use: NotRequired[str]
    """
    What it is used for
    """
    country: str
    """
    ISO 3166-1 alpha-2
    """
    region: NotRequired[str]
    """
    State, province or prefecture
    """
    postal_area: NotRequired[str]
    """
    The part of the postal code that names an area
    """
    initials: NotRequired[str]
    """
    Initials of the name
    """
    customer: NotRequired[str]
    """
    The shop's own reference for the shopper
    """
    policy_version: NotRequired[str]
    """
    The version of the privacy policy that the shopper was shown
    """
    version: int
    """
    Grows with each correction
    """
    created_at: str
    """
    When the record was stored
    """
    updated_at: str
    """
    When it was last corrected
    """
    disclosed_to: NotRequired[list[DisclosedToItem]]
    """
    The partners that were given an old value within a year; a notice to each is queued
    """


class CorrectedContact(TypedDict):
    """
    A corrected record of the kind `contact`
    """

    token: str
    """
    The token of the record
    """
    kind: Literal["contact"]
    email: NotRequired[str]
    """
    The e-mail address with most of it hidden
    """
    phone: NotRequired[str]
    """
    The telephone number with all but its last two digits hidden
    """
    initials: NotRequired[str]
    """
    Initials of the name
    """
    customer: NotRequired[str]
    """
    The shop's own reference for the shopper
    """
    policy_version: NotRequired[str]
    """
    The version of the privacy policy that the shopper was shown
    """
    version: int
    """
    Grows with each correction
    """
    created_at: str
    """
    When the record was stored
    """
    updated_at: str
    """
    When it was last corrected
    """
    disclosed_to: NotRequired[list[DisclosedToItem]]
    """
    The partners that were given an old value within a year; a notice to each is queued
    """


class DamagedRecord(TypedDict):
    """
    A record that does not open, with the code of the problem
    """

    token: str
    kind: str
    code: str


class OpenedCheckoutSession(TypedDict):
    """
    A session, and the token for its page
    """

    id: str
    """
    the id of the session
    """
    token: str
    """
    for the page that shows the fields; it can store one checkout, and nothing else
    """
    url: str
    """
    the hosted page, for the shopper
    """
    expires_at: str
    """
    when the session ends, in UTC
    """


class CheckoutSessionTokens(TypedDict):
    """
    The token and the masked view of each part that was stored
    """

    card: NotRequired[MaskedCard]
    billing_address: NotRequired[MaskedAddress]
    shipping_address: NotRequired[MaskedAddress]
    contact: NotRequired[MaskedContact]
    security_code: NotRequired[KeptSecurityCode]
    """
    In a checkout session that asks for it: the name of the code
    """


class Identity(TypedDict):
    """
    how identity was proved; left out while it was not
    """

    method: str
    at: str
    by: str


class PrivacyRequest(TypedDict):
    """
    A request of a shopper
    """

    id: str
    """
    the id of the request
    """
    kind: str
    customer: str
    """
    the shop's own reference for the shopper
    """
    jurisdiction: str
    state: str
    identity: NotRequired[Identity]
    """
    how identity was proved; left out while it was not
    """
    assignee: NotRequired[str]
    note: NotRequired[str]
    reason: NotRequired[str]
    created_at: str
    due_at: str
    """
    until when it must be answered
    """
    closed_at: NotRequired[str]
    overdue: bool
    """
    whether it should have been answered by now
    """


class PrivacyRequestPage(TypedDict):
    requests: list[PrivacyRequest]
    next: str | None
    """
    What to pass as `after` for the next page; null at the end
    """


class CustomerErased(TypedDict):
    """
    What became of the records of a customer
    """

    customer: str
    """
    As it was sent
    """
    erased: int
    """
    how many records are gone; their tokens are answered with 410 from now on
    """
    postponed: int
    """
    how many records a hold keeps; they are erased once it is released
    """
    event: str
    """
    the id of the audit event of the whole; each record has its own
    """


PolicyController = TypedDict(
    "PolicyController",
    {
        "@type": str,
        "name": str,
        "contact": str,
        "country": str,
    },
)


PolicyData = TypedDict(
    "PolicyData",
    {
        "kind": str,
        "@type": list[str],
        "description": str,
    },
)


class RetentionDays(TypedDict):
    """
    How long a record of a kind may be kept, from its storing
    """

    card: NotRequired[int]
    address: NotRequired[int]
    contact: NotRequired[int]


PolicyRecipients = TypedDict(
    "PolicyRecipients",
    {
        "recipients": str,
        "@type": str,
        "description": str,
        "countries": list[str],
    },
)


class PolicyDifference(TypedDict):
    """
    One difference from the version before
    """

    pointer: str
    change: str
    text: str


class MessageKey(TypedDict):
    """
    A public key (RFC 7517, RFC 8037)
    """

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    """
    The SHA-256 thumbprint of the key (RFC 7638), by which a signature names it
    """
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class ConsentsChanged(TypedDict):
    """
    The consents of a customer after a change
    """

    customer: str
    """
    As it was sent
    """
    records: int
    """
    how many records of the customer there are
    """
    changed: int
    """
    how many of them have other consents than before
    """
    erased: int
    """
    how many cards were erased, because the consent to keep them was withdrawn
    """
    consents: list[str]
    """
    what the customer agrees to now, on at least one record
    """
    receipt: str
    """
    the receipt for the shopper (ISO/IEC TS 27560), as a compact JWS; GET /v1/privacy-policy/receipt-keys verifies it
    """
    event: str
    """
    the id of the audit event of the receipt
    """


class ForwardAnswer(TypedDict):
    """
    What a destination answered
    """

    status: int
    """
    the status with which the destination answered
    """
    headers: dict[str, str]
    """
    the headers that the destination names
    """
    body: Any
    """
    the members that the destination names, as JSON, without the number, the code and the secrets that were sent
    """
    event: str
    """
    the id of the audit event that records the release
    """


class Request(TypedDict):
    """
    values are masked, and secrets have their names
    """

    method: str
    url: str
    headers: dict[str, str]
    body: dict[str, Any]


class ForwardPreview(TypedDict):
    """
    A request that was not sent
    """

    request: Request
    """
    values are masked, and secrets have their names
    """
    event: str
    """
    the id of the audit event that records the preview
    """


class AuditCaller(TypedDict):
    """
    Who did it
    """

    id: str
    kind: str
    role: NotRequired[str]


class EventOrigin(TypedDict):
    """
    Which process made the event, and as its how-manieth
    """

    process: str
    number: int
    settled: NotRequired[int]
    skipped: NotRequired[list[str]]
    lost: NotRequired[list[str]]


class MinimumIndex(TypedDict):
    minimum_index: int


class MessageKeyDirectory(TypedDict):
    keys: list[MessageKey]


class Health(TypedDict):
    status: str


class ApprovalFilter(TypedDict):
    state: NotRequired[
        Literal["pending", "approved", "refused", "used", "unreviewed", "reviewed"]
    ]
    """
    only requests in this state; default: all open ones
    """
    kind: NotRequired[Literal["card", "address", "contact"]]
    """
    only for records of this kind
    """
    caller_role: NotRequired[str]
    """
    only of callers with this role
    """
    caller: NotRequired[str]
    """
    only of this caller
    """
    purpose: NotRequired[
        Literal[
            "respond-to-query",
            "provide-goods",
            "process-payment",
            "communicate",
            "enforce-rights",
            "research",
            "marketing",
            "legal-compliance",
            "other-consented",
        ]
    ]
    token: NotRequired[str]
    """
    only for this record
    """
    limit: NotRequired[int]


class PrivacyRequestFilter(TypedDict):
    state: NotRequired[Literal["open", "closed", "overdue"]]
    """
    only those that are not closed, that are, or that should have been answered; default: all
    """
    limit: NotRequired[int]


class EventFilter(TypedDict):
    caller: NotRequired[str]
    token: NotRequired[str]
    type: NotRequired[
        Literal[
            "record.tokenize",
            "record.read",
            "record.reveal",
            "record.forward",
            "record.release",
            "record.match",
            "record.correct",
            "record.erase-intent",
            "record.erase",
            "customer.erase",
            "customer.report",
            "record.search",
            "consent.give",
            "consent.withdraw",
            "consent.receipt",
            "request.refuse",
            "request.replay",
            "forward.outcome",
            "forward.preview",
            "session.open",
            "session.complete",
            "session.expire",
            "privacy-request.open",
            "privacy-request.read",
            "privacy-request.change",
            "notice.queue",
            "notice.deliver",
            "withholding.order",
            "withholding.end",
            "security-code.keep",
            "token.issue",
            "client.add",
            "client.rotate-secret",
            "client.replace-keys",
            "client.end-credential",
            "client.revoke",
            "staff.disable",
            "staff.enable",
            "partner.add",
            "partner.replace-keys",
            "partner.end",
            "roles.apply",
            "policy.publish",
            "policy.adopt",
            "destinations.apply",
            "destinations.set-secret",
            "destinations.remove-secret",
            "access.explain",
            "access.review",
            "access.rebuild",
            "approval.list",
            "approval.request",
            "approval.break-glass",
            "approval.approve",
            "approval.refuse",
            "approval.review",
            "caller.suspend",
            "caller.lift",
            "key.create",
            "key.promote",
            "key.deactivate",
            "key.compromise",
            "key.destroy",
            "key.retire",
            "key.close",
            "key.reopen",
            "key.certify",
            "root-key.replace",
            "root-key.acknowledge",
            "root-key.share",
            "keys.rotate",
            "erasure.certify",
            "retention.run",
            "retention.enable",
            "retention.disable",
            "hold.add",
            "hold.release",
            "records.verify",
            "audit.read",
            "audit.acknowledge",
            "audit.key",
            "audit.start",
            "audit.stop",
            "audit.gap",
            "audit.drop",
            "audit.missing",
            "audit.resume",
            "audit.unproven",
            "restore.apply",
            "restore.waive",
            "migrate",
            "schema.accept",
        ]
    ]
    purpose: NotRequired[
        Literal[
            "respond-to-query",
            "provide-goods",
            "process-payment",
            "communicate",
            "enforce-rights",
            "research",
            "marketing",
            "legal-compliance",
            "other-consented",
        ]
    ]
    since: NotRequired[str]
    """
    only events of this time or later: RFC 3339, or a date, which is its beginning in UTC
    """
    until: NotRequired[str]
    """
    only events before this time: RFC 3339, or a date
    """
    limit: NotRequired[int]


class Checkout(TypedDict):
    """
    What a checkout hands over, with at least one of: `card`, `billing_address`, `shipping_address`, `contact`
    """

    customer: NotRequired[str]
    """
    the shop's own reference for the shopper
    """
    policy_version: NotRequired[str]
    """
    the version of the privacy policy that the shopper was shown
    """
    consents: NotRequired[list[Consent]]
    """
    what the shopper agreed to, by name
    """
    card: NotRequired[Card]
    billing_address: NotRequired[Address]
    shipping_address: NotRequired[Address]
    contact: NotRequired[Contact]


class CheckoutBatch(TypedDict):
    items: list[Checkout]


class RevealManyRequest(TypedDict):
    """
    What records are revealed for, and which of their fields
    """

    purpose: Literal[
        "respond-to-query",
        "provide-goods",
        "process-payment",
        "communicate",
        "enforce-rights",
        "research",
        "marketing",
        "legal-compliance",
        "other-consented",
    ]
    reason: NotRequired[str]
    """
    the reason; stored sealed beside the audit event
    """
    ticket: NotRequired[str]
    """
    the ticket or case that asks for it; it is in the audit event in the clear
    """
    authority: NotRequired[str]
    """
    the name of the authority that asks, never of a person; it is in the audit event in the clear
    """
    break_glass: NotRequired[bool]
    """
    release without waiting for an approval; it raises an alert
    """
    items: list[RevealItem]


class ComparedValues(TypedDict):
    last4: NotRequired[str]
    postal_code: NotRequired[str]
    name: NotRequired[str]
    address: NotRequired[Place]


class MatchByValue(TypedDict):
    """
    Compares one value with the record
    """

    purpose: NotRequired[
        Literal[
            "respond-to-query",
            "provide-goods",
            "process-payment",
            "communicate",
            "enforce-rights",
            "research",
            "marketing",
            "legal-compliance",
            "other-consented",
        ]
    ]
    field: Literal["last4", "postal_code", "name", "address"]
    value: ComparedValue


Correction: TypeAlias = CardCorrection | AddressCorrection | ContactCorrection
"""
What to correct: the members of the kind that the token names
"""


class NewPrivacyRequest(TypedDict):
    """
    What a shopper asks for
    """

    kind: Literal["access", "correct", "erase", "withdraw", "object"]
    """
    what the shopper asks for
    """
    customer: str
    """
    the shop's own reference for the shopper
    """
    jurisdiction: NotRequired[
        Literal["gdpr", "uk-gdpr", "ccpa", "pdpa", "lgpd", "fadp", "pipeda", "other"]
    ]
    """
    the law that says until when it must be answered; default: other. `gdpr`: Regulation (EU) 2016/679, Article 12(3); `uk-gdpr`: UK GDPR, Article 12(3); `ccpa`: California Civil Code 1798.130(a)(2); 11 CCR 7026(f), 7027(g): 15 business days, kept as 15 days; `pdpa`: Singapore, Personal Data Protection Regulations 2021, regulation 5; `lgpd`: Brazil, Lei 13.709/2018, Article 19(II); `fadp`: Switzerland, Federal Act on Data Protection, Article 25(7); `pipeda`: Canada, PIPEDA, Schedule 1, clause 4.9.4; section 8(3); `other`: no law named; the shop answers within thirty days
    """
    identity: NotRequired[IdentityProof]
    assignee: NotRequired[str]
    """
    the person in charge
    """
    note: NotRequired[str]
    """
    what the shopper asks for in detail; it is sealed
    """


GivenConsent: TypeAlias = str | WordedConsent
"""
A consent by its name, or with its wording
"""


class ForwardRequest(TypedDict):
    """
    What is sent to a destination
    """

    destination: str
    """
    the name of a destination of the set in force
    """
    purpose: Literal[
        "respond-to-query",
        "provide-goods",
        "process-payment",
        "communicate",
        "enforce-rights",
        "research",
        "marketing",
        "legal-compliance",
        "other-consented",
    ]
    tokens: ForwardTokens
    input: NotRequired[dict[str, Any]]
    """
    what the template of the destination asks for, such as `amount`
    """
    headers: NotRequired[dict[str, str]]
    """
    headers that the destination lets a caller add
    """
    method: NotRequired[Literal["POST", "PUT", "PATCH"]]
    """
    one of the methods of the destination; default: its first
    """
    security_code: NotRequired[str]
    """
    the name of a kept security code of the card; it is used up
    """
    dry_run: NotRequired[bool]
    """
    show the request with its values masked, and send nothing
    """
    resend: NotRequired[bool]
    """
    send again what has an unknown outcome, with the same Idempotency-Key; the destination may do it twice
    """


class TokenError(TypedDict):
    """
    RFC 6749 section 5.2, with the members of a problem beside
    """

    error: str
    """
    The code of RFC 6749 section 5.2
    """
    error_description: str
    type: str
    """
    The page that explains the code
    """
    title: str
    """
    The code as a sentence for a person. Titles may change
    """
    status: int
    """
    The HTTP status
    """
    detail: NotRequired[str]
    """
    What is wrong with this request. It never quotes the request
    """
    code: str
    """
    What went wrong, for a program. New codes may come
    """
    request_id: str
    """
    As in the header `Request-Id`
    """
    errors: NotRequired[list[InputError]]
    """
    The members of the body that are wrong, at most 100
    """


class JwkSet(TypedDict):
    keys: list[Jwk]


class TokenizedCheckout(TypedDict):
    """
    The token and the masked view of each part that was sent
    """

    customer: NotRequired[str]
    """
    As it was sent
    """
    card: NotRequired[MaskedCard]
    billing_address: NotRequired[MaskedAddress]
    shipping_address: NotRequired[MaskedAddress]
    contact: NotRequired[MaskedContact]
    consents_given: NotRequired[list[str]]
    """
    In a checkout session: the consents that the shopper gave
    """
    security_code: NotRequired[KeptSecurityCode]
    """
    In a checkout session that asks for it: the name of the code
    """


TokenizeResult: TypeAlias = TokenizeSuccess | Problem
"""
What became of one checkout of a batch
"""


class CardRelease(TypedDict):
    """
    What a reveal of a record of the kind `card` released
    """

    token: str
    """
    The token of the record
    """
    kind: Literal["card"]
    data: RevealedCard
    event: str
    """
    The id of the audit event that records the release
    """


class AddressRelease(TypedDict):
    """
    What a reveal of a record of the kind `address` released
    """

    token: str
    """
    The token of the record
    """
    kind: Literal["address"]
    data: RevealedAddress
    event: str
    """
    The id of the audit event that records the release
    """


class ContactRelease(TypedDict):
    """
    What a reveal of a record of the kind `contact` released
    """

    token: str
    """
    The token of the record
    """
    kind: Literal["contact"]
    data: RevealedContact
    event: str
    """
    The id of the audit event that records the release
    """


RevealResult: TypeAlias = (
    CardReleaseResult | AddressReleaseResult | ContactReleaseResult | Problem
)
"""
What became of one of several records: its release, or why there is none
"""


class ApprovalPage(TypedDict):
    approvals: list[Approval]
    next: str | None
    """
    What to pass as `after` for the next page; null at the end
    """


class ShownApproval(TypedDict):
    """
    A request with its reason and the masked view of its record
    """

    id: str
    """
    The id of the request
    """
    state: str
    caller: str
    """
    Who asks
    """
    role: str
    """
    Their role
    """
    site: str
    token: str
    """
    The record that they ask for
    """
    record_version: int | None
    """
    Its version; null for a request of an older vault
    """
    fields: list[str]
    """
    What they ask to see of it
    """
    purpose: str
    ticket: NotRequired[str]
    authority: NotRequired[str]
    partner: NotRequired[str]
    """
    The partner to whose key it would leave; left out: it leaves to the caller
    """
    requested_at: str
    expires_at: str
    """
    Until when it can be approved or, once it is, used
    """
    decided_by: str | None
    decided_at: str | None
    reason: NotRequired[str]
    """
    Why they ask
    """
    record: MaskedRecord


CorrectedRecord: TypeAlias = CorrectedCard | CorrectedAddress | CorrectedContact
"""
The masked view of a record after its correction; `kind` says of which kind
"""


FoundRecord: TypeAlias = MaskedCard | MaskedAddress | MaskedContact | DamagedRecord
"""
The masked view of a record, or the code of the problem with it
"""


class CheckoutSession(TypedDict):
    """
    The state of a checkout session
    """

    id: str
    """
    the id of the session
    """
    state: str
    tokens: CheckoutSessionTokens
    consents_given: list[str]
    """
    the consents that the shopper gave
    """
    expires_at: str
    """
    when the session ends, in UTC
    """


PolicyPurpose = TypedDict(
    "PolicyPurpose",
    {
        "purpose": str,
        "@type": str,
        "legal_basis": str,
        "legal_basis_term": str,
        "consent": bool,
        "data": list[str],
        "recipients": list[str],
        "retention_days": RetentionDays,
        "description": NotRequired[str],
    },
)


class PolicyChanges(TypedDict):
    """
    What the version before said otherwise
    """

    since: str
    """
    the version before
    """
    differences: list[PolicyDifference]


class ReceiptKeys(TypedDict):
    """
    The keys that verify receipts of consents
    """

    keys: list[MessageKey]


ForwardResult: TypeAlias = ForwardAnswer | ForwardPreview
"""
What a destination answered; of a dry run the request
"""


class AuditEvent(TypedDict):
    """
    What one release, read, change, refusal or command left in the log
    """

    id: str
    """
    It begins with the time
    """
    at: str
    type: str
    outcome: str
    format: int
    caller: NotRequired[AuditCaller]
    site: NotRequired[str]
    source: NotRequired[str]
    """
    Where it came from
    """
    account: NotRequired[str]
    request_id: NotRequired[str]
    token: NotRequired[str]
    tokens: NotRequired[list[str]]
    kind: NotRequired[str]
    purpose: NotRequired[str]
    fields: NotRequired[list[str]]
    search_by: NotRequired[str]
    code: NotRequired[str]
    """
    The code of the problem of a refusal or a failure
    """
    route: NotRequired[str]
    approval: NotRequired[str]
    authority: NotRequired[str]
    ticket: NotRequired[str]
    partner: NotRequired[str]
    policy_version: NotRequired[str]
    record_version: NotRequired[int]
    replay_of: NotRequired[str]
    reason: NotRequired[str]
    note: NotRequired[str]
    subject: NotRequired[str]
    count: NotRequired[int]
    checkpoints: NotRequired[str]
    events: NotRequired[list[str]]
    status: NotRequired[int]
    milliseconds: NotRequired[int]
    address: NotRequired[str]
    migrations: NotRequired[list[str]]
    minimum_index: NotRequired[int]
    missing: NotRequired[list[str]]
    public_key: NotRequired[str]
    ranges: NotRequired[list[str]]
    schema: NotRequired[str]
    since: NotRequired[str]
    until: NotRequired[str]
    sources: NotRequired[list[str]]
    vouched: NotRequired[bool]
    unproven: NotRequired[bool]
    unverified: NotRequired[bool]
    """
    True while the vault cannot authenticate the event
    """
    made: NotRequired[EventOrigin]


class Receipt(TypedDict):
    """
    What proves, without the vault, that an event is in the log
    """

    format: Literal[1]
    event: AuditEvent
    body: str
    """
    the canonical text of the event, RFC 8785: the bytes of the leaf
    """
    index: int
    """
    the number of the leaf
    """
    proof: list[str]
    """
    the inclusion proof of RFC 9162 section 2.1.3, base64
    """
    checkpoint: str
    """
    the signed note that the proof leads to
    """


class MatchByValues(TypedDict):
    """
    Compares several values with the record
    """

    purpose: NotRequired[
        Literal[
            "respond-to-query",
            "provide-goods",
            "process-payment",
            "communicate",
            "enforce-rights",
            "research",
            "marketing",
            "legal-compliance",
            "other-consented",
        ]
    ]
    fields: ComparedValues


class ConsentChange(TypedDict):
    """
    What a shopper agrees to, and no longer agrees to
    """

    customer: str
    """
    the shop's own reference for the shopper
    """
    policy_version: NotRequired[str]
    """
    the version of the privacy policy that the shopper was shown with it; the records go by it from then on
    """
    give: NotRequired[list[GivenConsent]]
    """
    what the shopper agrees to, by name
    """
    withdraw: NotRequired[list[WithdrawItem]]
    """
    what the shopper no longer agrees to, by name
    """


class TokenizedBatch(TypedDict):
    results: list[TokenizeResult]


Release: TypeAlias = CardRelease | AddressRelease | ContactRelease
"""
What a reveal released; `kind` says of which kind of record
"""


class RevealResults(TypedDict):
    results: list[RevealResult]


class SearchResults(TypedDict):
    results: list[FoundRecord]
    truncated: bool
    """
    Whether there are more than these
    """


PrivacyPolicy = TypedDict(
    "PrivacyPolicy",
    {
        "@context": Any,
        "@id": str,
        "@type": str,
        "version": str,
        "title": str,
        "language": str,
        "sha256": str,
        "published_at": str,
        "controller": PolicyController,
        "data": list[PolicyData],
        "purposes": list[PolicyPurpose],
        "recipients": list[PolicyRecipients],
        "settlement_days": int,
        "changes": NotRequired[PolicyChanges],
        "text": str,
    },
)


class AuditEventPage(TypedDict):
    events: list[AuditEvent]
    next: str | None
    """
    What to pass as `after` for the next page; null at the end
    """


MatchRequest: TypeAlias = MatchByValues | MatchByValue | MatchByToken
