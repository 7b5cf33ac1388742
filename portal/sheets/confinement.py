"""This side of the wall: starts the process that opens strangers' files, and takes its death for an answer."""

import json
import subprocess
import sys
import tempfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from portal.sheets.gate import Limits
from portal.sheets.refusal import Refusal, refuse

# The package's folder and nothing else of the portal: no database library, no settings, no secrets.
START = """\
import sys, types
portal = types.ModuleType("portal")
portal.__path__ = [sys.argv[1]]
sys.modules["portal"] = portal
from portal.sheets.child import main
main()
"""
_PACKAGE = Path(__file__).resolve().parent.parent


def run(content: bytes, limits: Limits, **request: object) -> tuple[dict[str, Any], bytes]:
    """Have the child process do `request` with the file; its answer, and the file that it made, if any.

    Numbers in the answer are Decimal, days are date. Raises `Refusal`: the child's own, or damaged when it died, took
    too long or answered with anything else.
    """
    head = json.dumps({"limits": limits.dump(), **request}).encode() + b"\n"
    with tempfile.TemporaryDirectory(prefix="sheet-") as scratch:
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter, no shell, no word of it from outside
                [sys.executable, "-I", "-c", START, str(_PACKAGE)],
                input=head + content,
                capture_output=True,
                check=True,
                cwd=scratch,
                env={"TMPDIR": scratch, "LANG": "C.UTF-8"},
                start_new_session=True,
                timeout=limits.wall_seconds,
            )
            line, _, made = done.stdout.partition(b"\n")
            answer = json.loads(line, parse_float=_number, parse_int=_number, object_hook=_typed)
            refusal = Refusal.load(answer["refusal"]) if "refusal" in answer else None
        except (subprocess.SubprocessError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise _damaged(error) from error
    if refusal:
        raise refusal
    return answer, made


def _damaged(error: Exception) -> Refusal:
    refusal = refuse("damaged")
    if isinstance(error, subprocess.CalledProcessError):
        last_words = error.stderr[-2000:].decode("utf-8", "replace")
        refusal.add_note(f"the reader ended with {error.returncode}: {last_words}")
    else:
        refusal.add_note(f"the reader: {error!r}"[:2000])
    return refusal


def _number(text: str) -> Decimal:
    return Decimal(text.removesuffix(".0"))


def _typed(pairs: dict[str, Any]) -> Any:
    if pairs.keys() != {"date"}:
        return pairs
    moment = datetime.fromisoformat(pairs["date"])
    return moment if "T" in pairs["date"] else moment.date()
