"""Repeatable chance: the same seed always decides the same way."""

from collections.abc import Sequence
from typing import TypeVar

_MASK = 2**64 - 1
T = TypeVar("T")


class Chance:
    """Decides among equals. Not for secrets.

    Source: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    """

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def below(self, bound: int) -> int:
        """Return a number from 0 to *bound* - 1; the bias is under *bound* / 2^64."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((z ^ (z >> 31)) * bound) >> 64

    def some(self, members: Sequence[T], count: int) -> list[T]:
        """Return *count* of *members* (all, when there are fewer) in random order, none of them twice.

        Only as many steps as are taken: a group of thousands costs nothing when twenty are wanted.
        """
        total = len(members)
        moved: dict[int, int] = {}
        taken = []
        for place in range(min(count, total)):
            chosen = place + self.below(total - place)
            taken.append(members[moved.get(chosen, chosen)])
            moved[chosen] = moved.get(place, place)
        return taken
