"""The bench of the report cycle in small: that it measures what it says, never how fast."""

import json
import math
from dataclasses import replace
from datetime import datetime

import pytest

from bench import __main__ as command
from bench import cycle, floor
from bench.cycle import Extent, RowsDiffer
from portal.model import Report, record

SMALL = Extent(rounds=2, cycles=2, machines=2, returns=3)


def test_a_small_cycle_prints_one_object_last_on_stdout(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, everyday_database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", everyday_database_url)
    command.main(["cycle", "--rounds", "2", "--cycles", "2", "--machines", "2", "--returns", "3"])
    printed = capsys.readouterr()
    found = json.loads(printed.out.splitlines()[-1])
    assert found.keys() == {"bench", "figures", "ratios", "machine"}
    assert found["bench"] == "cycle"
    assert found["ratios"].keys() == {"of_floor", "overhead_of_stock", "growth_3"}
    assert all(math.isfinite(ratio) for ratio in found["ratios"].values())
    assert found["ratios"]["of_floor"] > 0
    assert found["ratios"]["growth_3"] > 0
    figures = found["figures"]
    for name in ("cycles_per_second", "cpu_ms_per_cycle"):
        assert figures[name].keys() == {"portal", "floor", "stock"}
        assert all(figure > 0 for figure in figures[name].values())
    assert 0 < figures["state_bytes"]["portal"] < figures["state_bytes"]["stock"], "the specification is in the latter"
    assert figures["extent"] == vars(SMALL)
    assert found["machine"]["database"].startswith(everyday_database_url[:6])
    assert "round 2 of 2" in printed.err


def test_nothing_is_said_of_ways_that_did_not_do_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = floor.wait_for

    def and_more(report: Report, element: str, lane: str, due_at: datetime | None) -> None:
        whole(report, element, lane, due_at)
        record(report, "report.reminded", by=None)

    monkeypatch.setattr(floor, "wait_for", and_more)
    with pytest.raises(RowsDiffer, match=r"The floor did other work than the portal.* audit_event: portal "):
        cycle.run(replace(SMALL, rounds=1, cycles=1), command.tell)
