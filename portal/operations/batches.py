"""Rows read many at a time, and one by one where one of them cannot be read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 200


def read_in_batches(
    numbers: Sequence[int],
    read: Callable[[Sequence[int]], Iterable[T]],
    unreadable: Callable[[int], Iterable[T]] = lambda _number: (),
) -> Iterator[T]:
    """All that comes of these rows, in their order.

    Args:
        numbers: the rows' own numbers.
        read: what comes of some of them. It may raise ValueError: a document that is no JSON, a moment that is none.
        unreadable: what comes of a row that cannot be read; nothing, where it is not given.
    """
    for first in range(0, len(numbers), AT_ONCE):
        some = numbers[first : first + AT_ONCE]
        try:
            yield from list(read(some))
        except ValueError:
            for number in some:
                yield from _one(number, read, unreadable)


def _one(
    number: int, read: Callable[[Sequence[int]], Iterable[T]], unreadable: Callable[[int], Iterable[T]]
) -> Iterable[T]:
    try:
        return list(read([number]))
    except ValueError:
        return unreadable(number)
