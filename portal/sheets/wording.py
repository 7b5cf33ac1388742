"""What the importer says about cells and sheets: what is wrong and what to do."""

from portal.text import Text

FAULTS: dict[str, Text] = {
    "formula": Text(
        "Cellen inneholder en formel. Vi leser svaret {value}. Stemmer det?",
        "The cell holds a formula. We read its answer {value}. Is that right?",
    ),
    "formula_unsaved": Text(
        "Cellen inneholder en formel uten svar. Åpne filen i Excel, lim inn svaret som verdi og lagre.",
        "The cell holds a formula without an answer. Open the file in Excel, paste the answer as a value and save.",
    ),
    "not_finite": Text(
        "«{value}» er ikke et endelig tall. Skriv for eksempel 1 840,5.",
        "“{value}” is not a finite number. Write for example 1 840.5.",
    ),
    "digits": Text(
        "Tallet {value} har flere siffer enn Excel kan vise. Rund av til høyst 6 desimaler.",
        "The number {value} has more digits than Excel can show. Round it to at most 6 decimals.",
    ),
    "time_only": Text(
        "«{value}» er et klokkeslett, ikke en dato eller et tall. Skriv dd.mm.åååå, eller timer som 7,5.",
        "“{value}” is a time of day, not a date or a number. Write dd.mm.yyyy, or hours as 7.5.",
    ),
    "date_impossible": Text(
        "Datoen er fra før mars 1900, og da regner Excel feil. Skriv riktig dato.",
        "The date is before March 1900, where Excel counts wrongly. Write the right date.",
    ),
    "merged": Text(
        "Cellene {value} er slått sammen, så bare den første kan leses. Opphev sammenslåingen og fyll ut hver celle.",
        "The cells {value} are merged, so only the first can be read. Unmerge them and fill in each cell.",
    ),
    "percent": Text(
        "Cellen viser {percent} %, som leses som {number}. Stemmer det?",
        "The cell shows {percent} %, which is read as {number}. Is that right?",
    ),
    "header_missing": Text(
        "Fant ikke overskriftene i arket, så ingenting er lest. Last ned malen på nytt og kopier tallene over.",
        "Found no headings in the sheet, so nothing was read. Download the template again and copy the figures over.",
    ),
    "column_missing": Text(
        "Kolonnen «{label}» mangler. Sett den inn igjen, eller last ned malen på nytt.",
        "The column “{label}” is missing. Put it back, or download the template again.",
    ),
    "column_twice": Text(
        "Overskriften «{value}» står to ganger. Slett den ene kolonnen.",
        "The heading “{value}” stands twice. Delete one of the columns.",
    ),
    "line_copied": Text(
        "Raden er kopiert fra rad {row} og regnes som en ny linje. Stemmer det?",
        "The row is copied from row {row} and counts as a new line. Is that right?",
    ),
    "line_unknown": Text(
        "Linje-id-en i første kolonne er endret, så raden regnes som en ny linje. Stemmer det?",
        "The line id in the first column was changed, so the row counts as a new line. Is that right?",
    ),
    "duplicate_rows": Text(
        "Rad {row} er helt lik rad {original}. Slett den ene, eller bekreft at begge skal telle.",
        "Row {row} is exactly like row {original}. Delete one, or confirm that both count.",
    ),
    "not_our_template": Text(
        "Filen er ikke laget fra malen, så vi ser ikke hvilken periode den gjelder. Kontroller at det er riktig fil.",
        "The file was not made from the template, so we cannot see its period. Check that it is the right one.",
    ),
    "more_problems": Text(
        "Det er {number} feil til i filen. Rett de som er listet, og last opp på nytt.",
        "There are {number} more errors in the file. Mend those listed and upload it again.",
    ),
}

NOTES: dict[str, Text] = {
    "only_formulas": Text(
        "Ark «{sheet}»: rad {rows} har bare formler og er ikke lest. Summer regner vi ut selv.",
        "Sheet “{sheet}”: row {rows} holds only formulas and was not read. We add up ourselves.",
    ),
    "draft_changed": Text(
        "Utkastet er endret etter at malen ble lastet ned. Se nøye på hva filen endrer.",
        "The draft has changed since the template was downloaded. Look closely at what the file changes.",
    ),
    "hidden_rows": Text(
        "Ark «{sheet}»: {number} skjulte rader er tatt med.", "Sheet “{sheet}”: {number} hidden rows are counted."
    ),
    "hidden_columns": Text(
        "Ark «{sheet}»: skjulte kolonner er tatt med ({columns}).",
        "Sheet “{sheet}”: hidden columns are counted ({columns}).",
    ),
    "hidden_sheet": Text("Arket «{sheet}» er skjult og er tatt med.", "The sheet “{sheet}” is hidden and is counted."),
    "dates_from_1904": Text(
        "Filen regner datoer fra 1904, slik Excel for Mac kan gjøre. Kontroller datoene.",
        "The file counts dates from 1904, as Excel for Mac may do. Check the dates.",
    ),
    "column_unread": Text(
        "Ark «{sheet}»: kolonnen «{heading}» er ikke i malen og er ikke lest.",
        "Sheet “{sheet}”: the column “{heading}” is not in the template and was not read.",
    ),
    "sheet_unread": Text(
        "Arket «{sheet}» er ikke i malen og er ikke lest.",
        "The sheet “{sheet}” is not in the template and was not read.",
    ),
    "sheet_missing": Text(
        "Arket «{title}» finnes ikke i filen; ingenting er lest for det.",
        "The sheet “{title}” is not in the file; nothing was read for it.",
    ),
}
