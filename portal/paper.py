"""Papers: PDF that a screen reader can read, set by typst from facts. The only place that speaks typst.

Facts go in as data and come out as they were written: nothing that anybody typed is ever read as markup.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import typst

from portal import resources

FOLDER = resources.TEMPLATES / "paper"
FONTS = resources.STATIC / "vendor" / "paper"

_NOT_SHOWN = re.compile(r'the text `"(.+?)"` could not be displayed')
_MOST_TRIES = 4
_SURE = frozenset({*range(0x250), *range(0x2010, 0x203B)})
"""Code points that every typeface of ours has, or that none needs."""


class PaperFailed(Exception):
    """A paper could not be set; its template, and nothing that anybody typed, is at fault."""


def typeset(name: str, facts: Mapping[str, Any], *, made_at: datetime) -> bytes:
    """The paper `name` as PDF/UA-1. The same facts give the same bytes.

    A sign that none of our typefaces has is written out by its name: a paper never hides that something stood there.

    Args:
        name: of the template in templates/paper, without its ending.
        facts: plain JSON with `title` and `language`.
        made_at: the moment that the file says it was made.
    """
    shown: Any = dict(facts)
    for _ in range(_MOST_TRIES):
        try:
            return _compiled(name, shown, made_at)
        except typst.TypstError as error:
            strange = set("".join(_NOT_SHOWN.findall(error.diagnostic)))
            if not strange:
                raise PaperFailed(f"{name}: {error.diagnostic}") from error
            shown = _spelled_out(shown, {ord(sign): _name(sign) for sign in strange})
    return _compiled(name, _plain(shown), made_at)


def _compiled(name: str, facts: Mapping[str, Any], made_at: datetime) -> bytes:
    return typst.compile(
        FOLDER / f"{name}.typ",
        root=FOLDER,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"facts": json.dumps(facts, ensure_ascii=False)},
        pdf_standards=["ua-1"],
        timestamp=int(made_at.timestamp()),
    )


@cache
def _fonts() -> typst.Fonts:
    """Our own typefaces and those inside typst: what the machine happens to have would change the paper."""
    return typst.Fonts(include_system_fonts=False, font_paths=[FONTS])


def _spelled_out(facts: Any, names: Mapping[int, str]) -> Any:
    """The same facts with some signs replaced by words, in every text however deep."""
    if isinstance(facts, str):
        return facts.translate(names)
    if isinstance(facts, Mapping):
        return {key: _spelled_out(value, names) for key, value in facts.items()}
    return [_spelled_out(each, names) for each in facts] if isinstance(facts, list) else facts


def _plain(facts: Any) -> Any:
    """The last way out: every sign but Latin letters and common punctuation is written out."""
    strange = {sign for sign in json.dumps(facts, ensure_ascii=False) if ord(sign) not in _SURE}
    return _spelled_out(facts, {ord(sign): _name(sign) for sign in strange})


def _name(sign: str) -> str:
    """A sign by its name: [face with tears of joy]; what has no name by its number."""
    return f"[{unicodedata.name(sign, f'U+{ord(sign):04X}').lower()}]"
