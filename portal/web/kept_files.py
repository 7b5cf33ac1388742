"""Files of a form that came back with an error: kept, so that nobody has to choose them again.

The browser cannot put a file into a form. What was uploaded lies in the store already, under its hash; the page holds
a signed note of it, good for the same person and the same case, and the next attempt takes it along.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from flask import request
from itsdangerous import BadSignature, URLSafeSerializer

from portal.errors import NotFound
from portal.extensions import parts
from portal.files import clean_name, media_type
from portal.model import Deviation, Membership
from portal.operations.entry.evidence import Upload


class KeptFile(NamedTuple):
    """A file of an earlier attempt: the point it answers (0: the whole), its name, and the note of it."""

    number: int
    name: str
    note: str


def keep(deviation: Deviation, by: Membership, uploads: Mapping[int, Iterable[Upload]]) -> list[KeptFile]:
    """Keep what can be taken of these files, by the number of their point; what cannot is left out."""
    found = []
    for number, files in uploads.items():
        for upload in files:
            name = clean_name(upload.name)
            if media_type(upload.content, name) is not None:
                sha256 = parts().store.put(upload.content).sha256
                found.append(KeptFile(number, name, _signer(deviation, by).dumps([number, name, sha256])))
    return found


def taken_along(deviation: Deviation, by: Membership) -> dict[int, Sequence[Upload]]:
    """The files that the form says were kept, by the number of their point."""
    found: dict[int, Sequence[Upload]] = {}
    for note in request.form.getlist("kept"):
        try:
            number, name, sha256 = _signer(deviation, by).loads(note)
            upload = Upload(name, parts().store.get(sha256))
        except (BadSignature, NotFound):  # made up, or lying about for so long that it was swept away
            continue
        found[number] = [*found.get(number, ()), upload]
    return found


def _signer(deviation: Deviation, by: Membership) -> URLSafeSerializer:
    own = parts().settings
    keys = [*own.secret_key_fallbacks, own.secret_key]  # the last one signs, each of them is known
    return URLSafeSerializer(keys, salt=f"kept-{deviation.public_id}-{by.public_id}")
