"""Where the top-level folders lie, in a checkout and in a wheel."""

from pathlib import Path

PACKAGE = Path(__file__).parent
ROOT = PACKAGE / "_resources" if (PACKAGE / "_resources").is_dir() else PACKAGE.parent

WORKFLOWS = ROOT / "workflows"
TEMPLATES = ROOT / "templates"
MIGRATIONS = ROOT / "migrations"
STATIC = PACKAGE / "static"
TRANSLATIONS = PACKAGE / "translations"
