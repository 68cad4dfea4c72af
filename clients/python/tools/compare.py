"""Ends with 1 when a written file is not what its tool writes."""

from __future__ import annotations

import json
import sys

from write_sync import sync_files
from write_types import DOCUMENT, TYPES, types_of

differing = [path for path, text in sync_files().items() if path.read_text() != text]
if TYPES.read_text() != types_of(json.loads(DOCUMENT.read_text())):
    differing.append(TYPES)
for path in differing:
    print(f"{path} is not what its tool writes: run the tools in clients/python/tools")
sys.exit(1 if differing else 0)
