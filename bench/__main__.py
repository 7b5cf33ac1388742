"""`python -m bench NAME`: progress goes to stderr; the last line on stdout is one JSON object."""

import argparse
import json
import sys

from bench import cycle
from bench.cycle import Extent


def main(arguments: list[str] | None = None) -> None:
    """Run one bench and print what it found."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the portal; see docs/bench.md.")
    benches = parser.add_subparsers(dest="bench", required=True, metavar="BENCH")
    usual = Extent()
    one = benches.add_parser("cycle", help="a report from opening to approval: the portal, a floor, the stock library")
    one.add_argument("--rounds", type=_some, default=usual.rounds, help="measured rounds (%(default)s)")
    one.add_argument("--cycles", type=_some, default=usual.cycles, help="reports a round, each way (%(default)s)")
    one.add_argument("--machines", type=_some, default=usual.machines, help="lines of a report (%(default)s)")
    one.add_argument("--returns", type=_some, default=usual.returns, help="returns of one report (%(default)s)")
    given = parser.parse_args(arguments)
    found = cycle.run(Extent(given.rounds, given.cycles, given.machines, given.returns), tell)
    print(json.dumps(found))  # noqa: T201 - what is measured is the output


def tell(words: str) -> None:
    """Say on stderr how far it has come."""
    print(words, file=sys.stderr, flush=True)  # noqa: T201


def _some(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    main()
