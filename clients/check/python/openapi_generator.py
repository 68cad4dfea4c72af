"""Tokenizes, reads and reveals once, through the client that OpenAPI Generator makes."""

import os
import uuid

import strongroom_generated as strongroom


def api_client(access_token=None):
    configuration = strongroom.Configuration(
        host=os.environ["STRONGROOM_URL"],
        ssl_ca_cert=os.environ["STRONGROOM_CA"],
        access_token=access_token,
    )
    return strongroom.ApiClient(configuration)


def records_for(name):
    tokens = strongroom.TokensApi(api_client())
    token = tokens.issue_token(
        grant_type="client_credentials",
        client_id=os.environ[f"{name}_ID"],
        client_secret=os.environ[f"{name}_SECRET"],
    )
    return strongroom.RecordsApi(api_client(token.access_token))


checkout, support = records_for("CHECKOUT"), records_for("SUPPORT")

stored = checkout.tokenize(
    strongroom.Checkout(
        card=strongroom.Card(number="4242 4242 4242 4242", exp_month=12, exp_year=2031),
        billing_address=strongroom.Address(line1="1 Raffles Place", country="SG"),
    ),
    idempotency_key=str(uuid.uuid4()),
)
assert stored.card.last4 == "4242"
token = stored.billing_address.token

masked = support.get_record(token).actual_instance
assert isinstance(masked, strongroom.MaskedAddress)
assert masked.country == "SG"

released = support.reveal_record(token, strongroom.RevealRequest(purpose="respond-to-query")).actual_instance
assert isinstance(released, strongroom.AddressRelease)
assert released.data.line1 == "1 Raffles Place"

found = support.search_records(strongroom.SearchRequest(by="phone", value="+65 6123 4567"))
assert found.truncated is False

try:
    support.get_record("none")
    raise AssertionError("a token of no record is answered")
except strongroom.exceptions.NotFoundException as error:
    assert strongroom.Problem.from_json(error.body).code == "record-not-found"
