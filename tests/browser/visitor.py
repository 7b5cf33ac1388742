"""Somebody at a browser of their own. They know what they want by its words: the name of a button, a link, a field."""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Self
from urllib.parse import urlsplit

from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from playwright.sync_api import BrowserContext, Locator, Page, expect

from portal import resources
from portal.kinds import kind
from portal.text import Text
from tests.browser.page_checks import PageChecks
from tests.signing_in import phones

PASSWORD = "tolv grønne gravemaskiner"
PATIENCE_SECONDS = 30
IN_BOTH = frozenset({"Roller"})
"""Words of both languages: in English a machine, in Norwegian what somebody may do."""
_TEXTS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement.closest("[lang]") === document.documentElement) texts.push(node.data.trim());
  }
  return texts;
}"""


@dataclass(frozen=True)
class Words:
    """The portal's words in one language. A text of the code is named by its English, as everywhere in the code."""

    language: str

    def __call__(self, text: str, **values: object) -> str:
        """A text as the pages say it, its places filled."""
        said = _catalogue(self.language).gettext(text)
        return said % values if values else said

    def many(self, one: str, more: str, num: int) -> str:
        """A text that counts."""
        return _catalogue(self.language).ngettext(one, more, num) % {"num": num}

    def of(self, text: Text) -> str:
        """A text that is data."""
        return text.to(self.language)

    def cell(self, kind_key: str, column: str, row: str) -> str:
        """The name of one input of a grid."""
        field = kind(kind_key).column(column)
        return f"{self.of(field.label)} {row}" + (f" ({field.unit})" if field.unit else "")

    def strange(self, texts: list[str]) -> list[str]:
        """Those of the texts that are the portal's own, but in the other language."""
        own, other = _both(self.language)
        return [text for text in texts if text in other and text not in own and text not in IN_BOTH]


@cache
def _catalogue(language: str) -> NullTranslations:
    return Translations.load(resources.TRANSLATIONS, [language])


@cache
def _both(language: str) -> tuple[frozenset[str], frozenset[str]]:
    """What the portal says in this language, and in the other."""
    with (resources.TRANSLATIONS / "nb" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    english = frozenset(text for message in messages for text in _forms(message.id))
    norwegian = frozenset(text for message in messages for text in _forms(message.string or ""))
    return (norwegian, english) if language == "nb" else (english, norwegian)


def _forms(text: str | Iterable[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


class Visitor:
    """A person and their page. `check` looks at each state that they stop at; none: nobody looks."""

    def __init__(self, context: BrowserContext, words: Words, check: PageChecks | None) -> None:
        self.words = words
        self._check = check
        self.page = self._new_page(context)

    def in_new_tab(self) -> "Visitor":
        """The same person with another tab of the same browser."""
        return Visitor(self.page.context, self.words, self._check)

    def status_after(self, act: Callable[[], object]) -> int:
        """What the server answers to the page that an act asks for."""
        with self.page.expect_response(lambda answer: answer.request.is_navigation_request()) as answer:
            act()
        return answer.value.status

    def _new_page(self, context: BrowserContext) -> Page:
        page = context.new_page()
        if self._check:
            self._check.watch(page)
        page.on("dialog", lambda dialog: dialog.accept())
        return page

    @property
    def main(self) -> Locator:
        """The page's own content."""
        return self.page.get_by_role("main")

    def row(self, text: str) -> Locator:
        """The rows of tables that hold these words."""
        return self.main.get_by_role("row").filter(has_text=text)

    # -- what they do --------------------------------------------------------------------------------------------------

    def goes_to(self, path: str) -> Self:
        """Open a page by its address."""
        self.page.goto(path)
        return self

    def signs_in(self, email: str) -> Self:
        """With e-mail and password, the code where one is asked for, and on to the tasks."""
        self.goes_to("/sign-in").tries_to_sign_in(email, PASSWORD)
        self.page.wait_for_url(lambda url: urlsplit(url).path != "/sign-in")
        if urlsplit(self.page.url).path == "/sign-in/code":
            self.writes("Code", phones.of(email).code()).presses("Sign in")
            self.page.wait_for_url(lambda url: not urlsplit(url).path.startswith("/sign-in"))
        return self

    def becomes(self, first_name: str) -> Self:
        """One of the persons of the demo, by a click on their card."""
        return self.goes_to("/personas").presses("Continue as %(name)s", name=first_name)

    def tries_to_sign_in(self, email: str, password: str) -> Self:
        """On the page for it."""
        return self.writes("E-mail", email).writes("Password", password).presses("Sign in")

    def follows(self, text: str | re.Pattern[str], **values: object) -> Self:
        """A link, by the whole of its words or by what they hold."""
        name = self.words(text, **values) if isinstance(text, str) else text
        self.page.get_by_role("link", name=name).first.click()
        return self

    def looks_after(self, place: str) -> Self:
        """A place in the menu that unfolds, of what is the organisation's own."""
        self.page.get_by_role("navigation").locator("summary").click()
        return self.follows(place)

    def presses(self, text: str, **values: object) -> Self:
        """A button."""
        self.main.get_by_role("button", name=self.words(text, **values), exact=True).click()
        return self

    def unfolds(self, text: str) -> Self:
        """What is folded away behind these words."""
        self.main.locator("summary").filter(has_text=self.words(text)).first.click()
        return self

    def chooses(self, text: str) -> Self:
        """One of a few."""
        self.main.get_by_role("radio", name=self.words(text), exact=True).check()
        return self

    def field(self, label: str) -> Locator:
        """A field by its label."""
        return self.main.get_by_label(self.words(label))

    def cell(self, kind_key: str, column: str, row: str) -> Locator:
        """An input of a grid."""
        return self.main.get_by_label(self.words.cell(kind_key, column, row), exact=True)

    def writes(self, label: str, value: str) -> Self:
        """In the field of that label."""
        self.field(label).fill(value)
        return self

    def downloads(self, name: str) -> bytes:
        """What the link or button of that name hands out."""
        with self.page.expect_download() as download:
            self.main.get_by_role("link", name=name).or_(self.main.get_by_role("button", name=name)).click()
        return download.value.path().read_bytes()

    # -- what they see -------------------------------------------------------------------------------------------------

    def sees(self, *texts: str) -> Self:
        """Every one of these in the page's content."""
        for text in texts:
            expect(self.main).to_contain_text(text)
        return self

    def reads(self, text: str, **values: object) -> Self:
        """One of the portal's own texts."""
        return self.sees(self.words(text, **values))

    def waits_for(self, seen: Callable[[], Locator]) -> Self:
        """Load the page again until something is there: it comes from the worker, and pages do not push."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not seen().count():
            assert time.monotonic() < give_up, f"Waited in vain at {self.page.url}"
            self.page.reload()
        return self

    def looks(self) -> Self:
        """Is the page all that a page must be, in one language?"""
        self.page.wait_for_load_state()
        expect(self.page.locator("html")).to_have_attribute("lang", self.words.language)
        if self._check:
            self._check(self.page)
            assert not self.words.strange(self.page.evaluate(_TEXTS)), self.page.url
        return self
