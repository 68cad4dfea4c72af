"""Writes the sync client from the async one: `python clients/python/tools/write_sync.py`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "src/strongroom"
NOTE = "# Written by tools/write_sync.py from the async client. Change the source, not this file.\n"

WORDS = [
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\b__a(enter|exit|iter)__\b", r"__\1__"),
    (r"\baclose\b", "close"),
    (r"\banyio\.Lock\b", "threading.Lock"),
    (r"\banyio\.sleep\b", "time.sleep"),
    (r"\bAwaitable\[(\w+)\]", r"\1"),
    (r"(from collections\.abc import .*?)Awaitable, ", r"\1"),
]


def sync_of(text: str) -> str:
    for pattern, replacement in WORDS:
        text = re.sub(pattern, replacement, text)
    module = "threading" if "threading." in text else "time"
    text = NOTE + re.sub(r"^import anyio$", f"import {module}", text, flags=re.MULTILINE)
    return _ruff(_ruff(text, "check", "--quiet", "--fix", "--select", "I"), "format", "--quiet")


def _ruff(text: str, *command: str) -> str:
    arguments = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(PACKAGE / "_sync/module.py"), "-"]
    return subprocess.run(arguments, input=text, capture_output=True, text=True, check=True).stdout


def sync_files() -> dict[Path, str]:
    return {
        PACKAGE / "_sync" / file.name: sync_of(file.read_text()) for file in sorted((PACKAGE / "_async").glob("*.py"))
    }


if __name__ == "__main__":
    for path, text in sync_files().items():
        path.write_text(text)
