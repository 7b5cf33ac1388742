"""Deadlines as people count them: in working days, where the contract is."""

from datetime import datetime

from portal import calendars, clock
from portal.model import Contract


def working_days_left(at: datetime, contract: Contract) -> int:
    """Working days from today until the day of `at`: 0 today, below 0 when it is past."""
    today = clock.today(contract.time_zone)
    return calendars.working_days_between(today, calendars.local_day(at, contract.time_zone), contract.country)
