"""Holds the built vault against its document, once for each kind of caller. README.md says which reports are left out, and why."""

import json
import os
import ssl
import subprocess
import sys
import urllib.parse
import urllib.request

URL, CA = os.environ["STRONGROOM_URL"], os.environ["STRONGROOM_CA"]
SEED, EXAMPLES = "20261130", "8"

# What each of them is tried on; a stranger is tried on all.
CALLERS = {
    None: [],
    "CHECKOUT": ["--include-operation-id-regex", "^tokenize"],
    "SUPPORT": ["--include-tag", "Records"],
    "PARTNER": ["--include-operation-id-regex", "^reveal"],
    "PRIVACY_OFFICER": ["--include-operation-id-regex", "^erase|Approval|Release$"],
    "AUDITOR": ["--include-tag", "Audit log"],
}


def token_of(name):
    form = {
        "grant_type": "client_credentials",
        "client_id": os.environ[f"{name}_ID"],
        "client_secret": os.environ[f"{name}_SECRET"],
    }
    request = urllib.request.Request(f"{URL}/oauth/token", urllib.parse.urlencode(form).encode())
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=CA)) as answer:
        return json.load(answer)["access_token"]


def try_as(name, calls):
    arguments = ["run", sys.argv[1], "--url", URL, "--tls-verify", CA, "--seed", SEED, "--max-examples", EXAMPLES]
    arguments += ["--phases", "examples,coverage,fuzzing", "--warnings", "off", "--continue-on-failure"]
    arguments += ["--exclude-checks", "positive_data_acceptance,ignored_auth"]
    arguments += calls
    if name is not None:
        arguments += ["--header", f"Authorization: Bearer {token_of(name)}"]
    program = os.path.join(os.path.dirname(sys.executable), "schemathesis")
    here = os.path.dirname(os.path.abspath(__file__))
    return subprocess.run([program, *arguments], cwd=here).returncode


failed = [name or "a stranger" for name, calls in CALLERS.items() if try_as(name, calls) != 0]
if failed:
    sys.exit(f"failed as {', '.join(failed)}")
