"""Tokenizes, reads and reveals once, through the client that openapi-python-client makes."""

import os
import ssl
import uuid

from strongroom_client_check import AuthenticatedClient, Client
from strongroom_client_check.api.records import get_record, reveal_record, tokenize
from strongroom_client_check.api.tokens import issue_token
from strongroom_client_check.models import (
    Address,
    AddressRelease,
    Card,
    Checkout,
    MaskedAddress,
    Problem,
    RevealRequest,
    RevealRequestPurpose,
    TokenRequest,
)

url = os.environ["STRONGROOM_URL"]
trust = ssl.create_default_context(cafile=os.environ["STRONGROOM_CA"])


def client_for(name):
    request = TokenRequest(
        grant_type="client_credentials",
        client_id=os.environ[f"{name}_ID"],
        client_secret=os.environ[f"{name}_SECRET"],
    )
    token = issue_token.sync(client=Client(base_url=url, verify_ssl=trust), body=request)
    return AuthenticatedClient(base_url=url, verify_ssl=trust, token=token.access_token)


checkout, support = client_for("CHECKOUT"), client_for("SUPPORT")

stored = tokenize.sync(
    client=checkout,
    idempotency_key=str(uuid.uuid4()),
    body=Checkout(
        card=Card(number="4242 4242 4242 4242", exp_month=12, exp_year=2031),
        billing_address=Address(line1="1 Raffles Place", country="SG"),
    ),
)
assert stored.card.last4 == "4242"
token = stored.billing_address.token

masked = get_record.sync(token, client=support)
assert isinstance(masked, MaskedAddress)
assert masked.country == "SG"

reason = RevealRequest(purpose=RevealRequestPurpose.RESPOND_TO_QUERY)
released = reveal_record.sync(token, client=support, body=reason)
assert isinstance(released, AddressRelease)
assert released.data.line1 == "1 Raffles Place"

unknown = get_record.sync("none", client=support)
assert isinstance(unknown, Problem)
assert unknown.code == "record-not-found"
