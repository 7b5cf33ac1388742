"""Whether every text has its translation: `python -m tests.catalogues nb` prints what is missing; 1 if any is.

A text is missing when the catalogue does not have it, has nothing for it, is unsure of it (fuzzy), or when the
translation lacks a place to fill in or has one too many.
"""

import ast
import re
import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po

from portal import resources

GETTEXT = frozenset({"_", "N_", "gettext", "lazy_gettext", "ngettext"})
PLACES = re.compile(r"%\(\w+\)[ds]|\{\w*\}")


def missing(wanted: Catalog, catalogue: Catalog) -> list[str]:
    """What the catalogue owes, as "text: reason"."""
    return [
        f"{_first(message.id)!r}: {reason}"
        for message in wanted
        if message.id and (reason := _reason(message, catalogue.get(message.id, message.context)))
    ]


def _reason(message: Message, translated: Message | None) -> str:
    if translated is None:
        return "not in the catalogue; run `make messages`"
    texts = translated.string if isinstance(translated.string, (list, tuple)) else (translated.string,)
    if not all(texts):
        return "not translated"
    if translated.fuzzy:
        return "fuzzy: confirm it"
    places = set(PLACES.findall(_first(message.id)))
    if any(set(PLACES.findall(text or "")) != places for text in texts):
        return f"fills in other places than {sorted(places)}"
    return ""


def _first(text: str | list[str] | tuple[str, ...]) -> str:
    return text if isinstance(text, str) else text[0]


def wanted_texts() -> Catalog:
    """All texts that the code and the templates ask for now."""
    file = resources.ROOT / "build" / "wanted.pot"
    file.parent.mkdir(exist_ok=True)
    command = [
        "pybabel",
        "--quiet",
        "extract",
        "--mapping",
        "pyproject.toml",
        "--keywords",
        "lazy_gettext",
        "--output-file",
        str(file),
        ".",
    ]
    CommandLineInterface().run(command)  # type: ignore[no-untyped-call]
    return read_po(BytesIO(file.read_bytes()))


def unread(package: Path = resources.PACKAGE) -> list[str]:
    """Texts that nobody can collect, as "file:line": pybabel does not look into f-strings."""
    return [
        f"{file.relative_to(package)}:{call.lineno}"
        for file in sorted(package.rglob("*.py"))
        for text in ast.walk(ast.parse(file.read_text()))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in GETTEXT
    ]


def main(languages: list[str]) -> int:
    """Compare each language with what is wanted."""
    wanted = wanted_texts()
    hidden = unread()
    for place in hidden:
        print(f"{place}: a text inside an f-string cannot be collected; give it a line of its own")  # noqa: T201
    answer = int(bool(hidden))
    for language in languages:
        path = Path(resources.TRANSLATIONS / language / "LC_MESSAGES" / "messages.po")
        owed = missing(wanted, read_po(BytesIO(path.read_bytes()), locale=language))
        print(f"{language}: {len(wanted)} texts, {len(owed)} without translation")  # noqa: T201 - the answer
        for line in owed:
            print(f"  {line}")  # noqa: T201
        answer = answer or bool(owed)
    return int(answer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
