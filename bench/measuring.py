"""What was spent: wall and processor time of single acts, their medians, and the machine they were spent on."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

Answer = TypeVar("Answer")


@dataclass
class Spent:
    """Wall and processor seconds that acts took, all threads of this process together."""

    wall: float = 0.0
    cpu: float = 0.0

    def on(self, act: Callable[[], Answer]) -> Answer:
        """Do it and add what it took."""
        wall, cpu = time.perf_counter(), time.process_time()
        answer = act()
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu
        return answer


def middle(figures: Iterable[float]) -> float:
    """The median, to four significant digits."""
    return short(statistics.median(figures))


def short(figure: float) -> float:
    """To four significant digits: the rest is noise."""
    return float(f"{figure:.4g}")


def machine(database: str) -> dict[str, object]:
    """What it was measured on, without its name."""
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "processors": os.cpu_count(),
        "load": short(os.getloadavg()[0]),
        "python": platform.python_version(),
        "database": database,
    }
