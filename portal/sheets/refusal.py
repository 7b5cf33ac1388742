"""Why a whole file is turned away, in words for the person who sent it: what is wrong and what to do."""

from collections.abc import Mapping

from portal.errors import Refused
from portal.text import Text, same


class Refusal(Refused):
    """The file as a whole is not taken. `rule` is stable; `sheet` and `cell` say where, when that is known."""

    def __init__(self, rule: str, text: Text, sheet: str = "", cell: str = "") -> None:
        super().__init__(text)
        self.rule, self.sheet, self.cell = rule, sheet, cell

    def dump(self) -> dict[str, str | dict[str, str]]:
        """As JSON, for the way out of the child process."""
        return {"rule": self.rule, "text": self.text.dump(), "sheet": self.sheet, "cell": self.cell}

    @classmethod
    def load(cls, stored: Mapping[str, str | Mapping[str, str]]) -> "Refusal":
        """Back from `dump`. Raises KeyError or TypeError when it is something else."""
        words, rule, sheet, cell = stored["text"], stored["rule"], stored["sheet"], stored["cell"]
        if isinstance(words, str) or not (isinstance(rule, str) and isinstance(sheet, str) and isinstance(cell, str)):
            raise TypeError(stored)
        return cls(rule, Text.load(words), sheet, cell)


def refuse(rule: str, *, sheet: str = "", cell: str = "", **values: "str | int | Text") -> Refusal:
    """The refusal for `rule`, its places filled; raise what it returns."""
    text = TEXTS[rule].with_values(**values) if values else TEXTS[rule]
    return Refusal(rule, _somewhere(text, sheet, cell), sheet, cell)


def _somewhere(text: Text, sheet: str, cell: str) -> Text:
    if not sheet:
        return text
    where = Text(f"Ark «{sheet}»", f"Sheet “{sheet}”")
    if cell:
        where = Text(f"{where.nb}, celle {cell}", f"{where.en}, cell {cell}")
    return same("{where}: {text}").with_values(where=where, text=text)


TEXTS: dict[str, Text] = {
    "no_rows": Text(
        "Filen har ingen utfylte rader. Fyll ut minst én rad og last opp på nytt. "
        "Har dere ikke hatt noe å rapportere, krysser du av for det i rapporten.",
        "The file has no filled-in rows. Fill in at least one row and upload it again. "
        "If you have nothing to report, tick that in the report.",
    ),
    "too_big": Text(
        "Filen er større enn {most} MB. Del den i flere filer, eller fjern bilder og ark som ikke trengs.",
        "The file is larger than {most} MB. Split it, or remove pictures and sheets that are not needed.",
    ),
    "not_excel": Text(
        "Dette er ikke en Excel-fil, hva den enn heter. Åpne den i Excel og lagre som «Excel-arbeidsbok (.xlsx)».",
        "This is not an Excel file, whatever its name says. Open it in Excel and save it as “Excel Workbook (.xlsx)”.",
    ),
    "password": Text(
        "Filen er beskyttet med passord. Fjern det i Excel (Fil, Informasjon, Beskytt arbeidsbok) og last opp på nytt.",
        "The file is protected by a password. Remove it in Excel (File, Info, Protect Workbook) and upload it again.",
    ),
    "old_format": Text(
        "Filen er i et gammelt Office-format. Åpne den i Excel, velg «Lagre som» og «Excel-arbeidsbok (.xlsx)».",
        "The file is in an old Office format. Open it in Excel, choose “Save as” and “Excel Workbook (.xlsx)”.",
    ),
    "other_format": Text(
        "Filen er {found}, ikke en vanlig arbeidsbok. Lagre den som «Excel-arbeidsbok (.xlsx)» og last opp på nytt.",
        "The file is {found}, not a plain Excel workbook. Save it as “Excel Workbook (.xlsx)” and upload it again.",
    ),
    "macros": Text(
        "Filen inneholder makroer. Lagre den som «Excel-arbeidsbok (.xlsx)», uten makroer, og last opp på nytt.",
        "The file holds macros. Save it as “Excel Workbook (.xlsx)”, without macros, and upload it again.",
    ),
    "objects": Text(
        "Filen inneholder innebygde objekter. Slett dem i Excel, og legg ved dokumentasjon som egne filer.",
        "The file holds embedded objects. Delete them in Excel, and attach evidence as files of its own.",
    ),
    "external_links": Text(
        "Filen henter verdier fra andre filer: {links}. Velg Data, Rediger koblinger, Bryt kobling, og prøv igjen.",
        "The file takes values from other files: {links}. Choose Data, Edit Links, Break Link, and try again.",
    ),
    "too_many_parts": Text(
        "Filen er satt sammen av mer enn {most} deler. Kopier radene over i en ny mal og last opp den.",
        "The file is made of more than {most} parts. Copy the rows to a fresh template and upload that.",
    ),
    "part_name": Text(
        "Filen har deler med ugyldige navn og er ikke laget av Excel. Åpne den i Excel, lagre på nytt og last opp.",
        "The file has parts with forbidden names, not made by Excel. Open it in Excel, save it again and upload.",
    ),
    "part_encrypted": Text(
        "Deler av filen er kryptert. Lagre den uten passord og last opp på nytt.",
        "Parts of the file are encrypted. Save it without a password and upload it again.",
    ),
    "compression": Text(
        "Filen er pakket på en måte som Excel ikke bruker. Åpne den i Excel, lagre på nytt og last opp.",
        "The file is packed in a way that Excel does not use. Open it in Excel, save it again and upload.",
    ),
    "inflated": Text(
        "Filen blir for stor når den pakkes ut. Kopier bare radene som skal rapporteres, over i en ny mal.",
        "The file becomes too large when unpacked. Copy only the rows to be reported to a fresh template.",
    ),
    "doctype": Text(
        "Filen har en DOCTYPE, og det har en ekte Excel-fil aldri. Åpne den i Excel, lagre på nytt og last opp.",
        "The file has a DOCTYPE, which no real Excel file has. Open it in Excel, save it again and upload.",
    ),
    "damaged": Text(
        "Filen er skadet og kan ikke leses. Åpne den i Excel, lagre den på nytt og send den en gang til.",
        "The file is damaged and cannot be read. Open it in Excel, save it again and send it once more.",
    ),
    "too_many_rows": Text(
        "Mer enn {most} rader. Slett tomme rader nederst, eller del filen.",
        "More than {most} rows. Delete empty rows at the bottom, or split the file.",
    ),
    "too_many_columns": Text(
        "Det står noe til høyre for kolonne {most}. Slett kolonnene som ikke hører til malen.",
        "There is something to the right of column {most}. Delete the columns that are not part of the template.",
    ),
    "too_many_cells": Text(
        "For mange celler. Kopier bare radene som skal rapporteres, over i en ny mal.",
        "Too many cells. Copy only the rows to be reported to a fresh template.",
    ),
    "too_much_text": Text(
        "For mye tekst til sammen. Kopier bare radene som skal rapporteres, over i en ny mal.",
        "Too much text in all. Copy only the rows to be reported to a fresh template.",
    ),
    "wrong_period": Text(
        "Malen gjelder {found}, men rapporten gjelder {expected}. Last ned malen for {expected}.",
        "The template is for {found}, but the report is for {expected}. Download the template for {expected}.",
    ),
    "wrong_contract": Text(
        "Malen gjelder kontrakt {found}, men rapporten gjelder kontrakt {expected}. Last ned malen for {expected}.",
        "The template is for contract {found}, but the report is for contract {expected}. "
        "Download the template for {expected}.",
    ),
    "wrong_report": Text(
        "Malen hører til en annen rapport. Last ned malen fra denne rapporten og kopier tallene over.",
        "The template belongs to another report. Download the template from this report and copy the figures over.",
    ),
    "old_template": Text(
        "Malen er versjon {found}. Nå gjelder versjon {expected}. Last ned malen på nytt og kopier tallene over.",
        "The template is version {found}. Version {expected} is in force. Download it again and copy the figures over.",
    ),
    "wrong_organisation": Text(
        "Malen er laget for organisasjonsnummer {found}, men du rapporterer for {expected}. "
        "Bytt organisasjon, eller last ned malen for {expected}.",
        "The template was made for organisation number {found}, but you report for {expected}. "
        "Switch organisation, or download the template for {expected}.",
    ),
    "bad_organisation": Text(
        "«{found}» er ikke et gyldig organisasjonsnummer. Last ned malen på nytt.",
        "“{found}” is not a valid organisation number. Download the template again.",
    ),
    "no_sheet": Text(
        "Fant ikke arket «{title}» med kolonnene {columns}. Bruk malen som du laster ned fra rapporten.",
        "Found no sheet “{title}” with the columns {columns}. Use the template that you download from the report.",
    ),
    "unmarkable": Text(
        "Filen lar seg ikke merke. Bruk listen over feil på siden, og rett dem i din egen fil.",
        "The file cannot be marked. Use the list of errors on the page, and mend them in your own file.",
    ),
}
