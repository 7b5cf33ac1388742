"""Settings: one frozen description, read once from the environment."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

METRICS_ON_LOOPBACK = "loopback"
"""The setting by which only programs on this machine read the figures."""


class BadSetting(ValueError):
    """A setting that nothing can run with. The message names it and says what to do."""


@dataclass(frozen=True)
class Settings:
    """How this installation runs. `from_environment` names the variable for each."""

    instance: Path
    """Folder for the database file, stored files and the secret key."""
    database_url: str
    secret_key: str
    files_url: str
    """Where evidence lies: `file:///…` or `s3://…`."""
    secret_key_fallbacks: tuple[str, ...] = ()
    """Secret keys that were in use before: what they signed and sealed still counts, nothing new is made with them."""
    mail_url: str = ""
    """`smtp://host:port`; empty keeps outgoing mail in the portal, visible under «Utgående post»."""
    mail_sender: str = "klimakontrakt@localhost"
    anchors_to: tuple[str, ...] = ()
    """Addresses outside the portal that get the heads of the audit trail each day."""
    base_url: str = "http://127.0.0.1:8000"
    """What links in letters and mails start with; never taken from the request."""
    scanner_url: str = ""
    """`clamd://host:port` or `clamd:///path/of/socket`; empty: nobody looks for malware."""
    security_contact: str = ""
    """Where to tell of a fault: `mailto:…` or `https://…`; stands on the security page and in security.txt."""
    outgoing_allowed: tuple[str, ...] = ()
    """Addresses and networks of our own that the portal may call, such as a provider inside the same walls."""
    log: str = "text"
    """How the log is written: `text` for a person, `json` for one object a line."""
    metrics: str = ""
    """Who reads /metrics: nobody, `loopback`, or whoever brings this token."""
    providers: str = ""
    """The TOML file of OpenID Connect providers; empty: everybody signs in by e-mail and password."""
    proxies: int = 0
    """How many proxies of our own stand in front; what they say of the client and of https is believed then."""
    costly_per_minute: int = 30
    """How many files one person may send or fetch in a minute; an organisation four times as many."""
    time_zone: str = "Europe/Oslo"
    testing: bool = False
    secure_cookies: bool = False

    @property
    def is_sqlite(self) -> bool:
        """Whether the one-file database is in use."""
        return self.database_url.startswith("sqlite")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read KLIMAKONTRAKT_* and DATABASE_URL; what is not set gets a default that works on one machine."""
        instance = Path(environment.get("KLIMAKONTRAKT_INSTANCE", "instance")).resolve()
        base_url = environment.get("KLIMAKONTRAKT_BASE_URL", cls.base_url)
        return cls(
            instance=instance,
            database_url=environment.get("DATABASE_URL", f"sqlite:///{instance / 'klimakontrakt.db'}"),
            secret_key=environment.get("KLIMAKONTRAKT_SECRET_KEY") or _kept_secret(instance),
            files_url=environment.get("KLIMAKONTRAKT_FILES_URL", f"file://{instance / 'files'}"),
            mail_url=environment.get("KLIMAKONTRAKT_MAIL_URL", cls.mail_url),
            mail_sender=environment.get("KLIMAKONTRAKT_MAIL_SENDER", cls.mail_sender),
            anchors_to=tuple(environment.get("KLIMAKONTRAKT_ANCHORS_TO", "").replace(",", " ").split()),
            base_url=base_url.rstrip("/"),
            secret_key_fallbacks=tuple(environment.get("KLIMAKONTRAKT_SECRET_KEY_FALLBACKS", "").split()),
            scanner_url=environment.get("KLIMAKONTRAKT_SCANNER_URL", cls.scanner_url),
            security_contact=environment.get("KLIMAKONTRAKT_SECURITY_CONTACT", cls.security_contact),
            outgoing_allowed=tuple(environment.get("KLIMAKONTRAKT_OUTGOING_ALLOWED", "").replace(",", " ").split()),
            log=environment.get("KLIMAKONTRAKT_LOG", cls.log),
            metrics=environment.get("KLIMAKONTRAKT_METRICS", cls.metrics),
            providers=environment.get("KLIMAKONTRAKT_PROVIDERS", cls.providers),
            proxies=_number(environment, "KLIMAKONTRAKT_PROXIES", cls.proxies),
            costly_per_minute=_number(environment, "KLIMAKONTRAKT_COSTLY_PER_MINUTE", cls.costly_per_minute),
            time_zone=environment.get("KLIMAKONTRAKT_TIME_ZONE", cls.time_zone),
            secure_cookies=base_url.startswith("https://"),
        )


def _number(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    given = environment.get(name, "") or str(otherwise)
    if not (given.isascii() and given.isdigit()):
        raise BadSetting(f"{name} is {given}; it must be a whole number.")
    return int(given)


def kept_secret_key(instance: Path) -> Path:
    """Where the secret key lies that the portal made for itself."""
    return instance / "secret-key"


def _kept_secret(instance: Path) -> str:
    """A key made on the first start and kept in the instance folder, readable by its owner only."""
    kept = kept_secret_key(instance)
    try:
        if not kept.exists():
            instance.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(48))
        return kept.read_text().strip()
    except OSError as refused:
        raise BadSetting(
            f"The secret key cannot be kept in {kept}: {refused.strerror}. Give this user the right to write in the "
            "folder, or name another by KLIMAKONTRAKT_INSTANCE."
        ) from refused
