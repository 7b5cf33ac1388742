"""The check of translations finds each way in which one can be missing."""

from pathlib import Path

from babel.messages.catalog import Catalog

from tests.catalogues import missing, unread


def _catalogue(**texts: str) -> Catalog:
    catalogue = Catalog(locale="nb")
    for text, translation in texts.items():
        catalogue.add(text.replace("_", " "), translation)
    return catalogue


def test_a_complete_catalogue_owes_nothing() -> None:
    assert missing(_catalogue(Save="", Next=""), _catalogue(Save="Lagre", Next="Neste")) == []


def test_what_is_absent_empty_or_unsure_is_owed() -> None:
    catalogue = _catalogue(Next="", Sign_in="Logg inn")
    catalogue["Sign in"].flags.add("fuzzy")
    owed = missing(_catalogue(Save="", Next="", Sign_in=""), catalogue)
    assert [line.split(":")[0] for line in owed] == ["'Save'", "'Next'", "'Sign in'"]


def test_a_translation_that_loses_a_place_is_owed() -> None:
    wanted, catalogue = Catalog(locale="nb"), Catalog(locale="nb")
    wanted.add("Row {n} of %(all)d")
    catalogue.add("Row {n} of %(all)d", "Rad {n}")
    assert missing(wanted, catalogue) == ["'Row {n} of %(all)d': fills in other places than ['%(all)d', '{n}']"]


def test_every_plural_form_is_needed() -> None:
    wanted, catalogue = Catalog(locale="nb"), Catalog(locale="nb")
    wanted.add(("%(num)d day", "%(num)d days"))
    catalogue.add(("%(num)d day", "%(num)d days"), ("%(num)d dag", ""))
    assert missing(wanted, catalogue) == ["'%(num)d day': not translated"]


def test_a_text_inside_an_f_string_is_told(tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text('title = _("seen")\nwords = f"{title}: {_(\'not seen\')}"\n')
    assert unread(tmp_path) == ["page.py:2"]


def test_no_text_of_the_portal_is_hidden() -> None:
    assert unread() == []
