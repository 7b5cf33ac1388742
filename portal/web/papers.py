"""What the pages say alike on paper: moments to the second, hashes that break at the end of a line, the file itself."""

import re
from datetime import datetime
from io import BytesIO
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from flask import Response, send_file
from flask_babel import gettext as _

from portal.web.languages import current_language

PDF = "application/pdf"
_HASH = re.compile(r"[0-9a-f]{64}")


def in_groups(words: str) -> str:
    """Hashes in groups of eight, which break at the end of a line; `anchors.read` knows them again."""
    return _HASH.sub(lambda found: " ".join(found[0][place : place + 8] for place in range(0, 64, 8)), words)


def moment(at: datetime, zone: str) -> str:
    """A moment to the second, where the contract is, with its distance from UTC: papers are read elsewhere too."""
    pattern = _("d MMMM y 'at' HH:mm:ss '(UTC'xxx')'")
    return str(format_datetime(at, pattern, tzinfo=ZoneInfo(zone), locale=current_language()))


def answer(content: bytes, reference: str) -> Response:
    """A paper to keep, named by its reference."""
    name = f"{reference.replace('/', '-')}.pdf"
    return send_file(BytesIO(content), mimetype=PDF, as_attachment=True, download_name=name)
