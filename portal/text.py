"""Words that are data: a text in every language of the portal, carried by descriptions that outlive a release."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LANGUAGES = ("nb", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """One text in both languages. `{name}` places are filled by `with_values`; a value may itself be a Text."""

    nb: str
    en: str

    def to(self, language: str) -> str:
        """The text in `language`; an unknown language reads bokmål."""
        return self.en if language == "en" else self.nb

    def with_values(self, **values: "str | int | Text") -> "Text":
        """The same text with its places filled."""
        return Text(*(getattr(self, code).format(**_spoken(values, code)) for code in LANGUAGES))

    def dump(self) -> dict[str, str]:
        """As JSON: {"nb": …, "en": …}."""
        return {"nb": self.nb, "en": self.en}

    @classmethod
    def load(cls, stored: Mapping[str, str]) -> "Text":
        """Back from `dump`."""
        return cls(nb=stored["nb"], en=stored["en"])


def same(text: str) -> Text:
    """A text that reads alike in every language: a name, a code, a unit."""
    return Text(text, text)


def repeated(written: str, most: int = 40) -> str:
    """What somebody wrote, as a message may repeat it: short, and every sign that cannot be shown replaced."""
    short = " ".join(written[: 2 * most].split())[:most]
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in short)


def whole_words(words: Iterable[str]) -> re.Pattern[str]:
    """Finds any of these where it stands by itself, the longest first: «Per Li» is not in «Per Lien» or «Per Li-Ås»."""
    listed = "|".join(map(re.escape, sorted({*words}, key=len, reverse=True)))
    return re.compile(rf"(?<![\w.+-])(?:{listed})(?!\w|[-.@+]\w)" if listed else "(?!)")


def names_however_written(words: Iterable[str]) -> re.Pattern[str]:
    """Finds any of these names, and every e-mail address: in any case, with any blanks, the surname first, as genitive.

    For leaving names out, where one too many is better than one too few. The text must be in NFC.
    """
    known = {unicodedata.normalize("NFC", word) for word in words}
    turned = {f"{last}, {first}" for first, _blank, last in (word.rpartition(" ") for word in known) if first}
    ways = sorted((r"\s+".join(map(re.escape, each.split())) for each in known | turned), key=len, reverse=True)
    return re.compile(rf"[^\s@<>]+@[^\s@<>]+\.\w+|(?<![^\W_])(?:{'|'.join(ways) or '(?!)'})s?(?![^\W_])", re.IGNORECASE)


def _spoken(values: Mapping[str, "str | int | Text"], language: str) -> dict[str, str | int]:
    return {name: value.to(language) if isinstance(value, Text) else value for name, value in values.items()}
