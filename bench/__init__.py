"""Measures the portal against a floor and against its library as it comes: `make bench BENCH=name`, see docs/bench.md.

No part of the wheel. A baseline and the portal run alternately in one run, on databases of their own.
"""
