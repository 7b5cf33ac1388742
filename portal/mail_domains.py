"""Domains at which anybody may have an e-mail address: such an address says nothing of whom one works for.

A list by hand of those that people in Norway use. It need not be whole: what is missing is taken for an organisation's,
and the person is then counted together with others there, or let in without having been confirmed one by one.
"""

_WORLDWIDE = """
aol.com fastmail.com gmail.com gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.com hushmail.com icloud.com
live.com mac.com mail.com mail.ru me.com msn.com outlook.com pm.me proton.me protonmail.com rocketmail.com
tuta.com tuta.io tutanota.com web.de yahoo.com yandex.com yandex.ru ymail.com zoho.com zohomail.eu
"""
_NORDIC = """
altiboxmail.no broadpark.no c2i.net combitel.no ebnett.no enivest.net eunet.no frisurf.no getmail.no haugnett.no
hotmail.co.uk hotmail.dk hotmail.no hotmail.se live.dk live.no live.se lyse.net
monet.no nextgentel.com online.no operamail.com outlook.dk outlook.no outlook.se runbox.com runbox.no
start.no sensewave.com spray.se tele2.no telia.com tiscali.no yahoo.dk yahoo.no yahoo.se
"""
OPEN_TO_ANYBODY = frozenset(f"{_WORLDWIDE} {_NORDIC}".split())


def domain_of(email: str) -> str:
    """What an address ends in, as it is written there."""
    return email.rpartition("@")[2].lower()


def is_open_to_anybody(domain: str) -> bool:
    """Whether whoever wants may have an address there."""
    return domain.lower() in OPEN_TO_ANYBODY
