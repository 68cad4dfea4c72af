"""Writes the types of the API from its OpenAPI document: `python clients/python/tools/write_types.py`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT.parent.parent / "docs/reference/openapi.json"
TYPES = ROOT / "src/strongroom/types.py"
NOTE = '"""Written by tools/write_types.py from docs/reference/openapi.json. Change the source, not this file."""\n'
#: Calls that answer in pages take a filter, whose members are their query without `after`.
FILTERS = {
    "listApprovals": "ApprovalFilter",
    "listAuditEvents": "EventFilter",
    "listPrivacyRequests": "PrivacyRequestFilter",
}


def types_of(document: dict[str, Any]) -> str:
    schemas = document["components"]["schemas"]
    for operation in (call for calls in document["paths"].values() for call in calls.values()):
        name = FILTERS.get(operation.get("operationId", ""))
        if name is not None:
            query = [one for one in operation["parameters"] if one["in"] == "query" and one["name"] != "after"]
            properties = {one["name"]: {**one["schema"], "description": one.get("description", "")} for one in query}
            schemas[name] = {"type": "object", "properties": properties}
    with tempfile.TemporaryDirectory() as directory:
        source, target = Path(directory, "openapi.json"), Path(directory, "types.py")
        source.write_text(json.dumps(document))
        options = (
            "--input-file-type openapi --openapi-scopes schemas --output-model-type typing.TypedDict "
            "--target-python-version 3.10 --use-union-operator --use-standard-collections --enum-field-as-literal all "
            "--disable-timestamp --use-schema-description --use-field-description --formatters ruff-format"
        )
        generator = [sys.executable, "-m", "datamodel_code_generator", "--input", str(source), "--output", str(target)]
        subprocess.run([*generator, *options.split()], check=True, stderr=subprocess.DEVNULL)
        text = target.read_text()
    # A text of another member would not be refused here, but by the vault, in its own words.
    text = text.replace(", closed=True", "")
    return NOTE + re.sub(r"\A(#.*\n)+", "", text)


if __name__ == "__main__":
    TYPES.write_text(types_of(json.loads(DOCUMENT.read_text())))
