"""How often the garbage collector runs in a process that holds much and answers fast."""

import gc

_YOUNG_OBJECTS = 50_000
_YOUNG_COLLECTIONS = 20
_MIDDLE_COLLECTIONS = 100


def collect_rarely() -> None:
    """Leave what exists now out of all collections, and collect less often.

    Lists, rules and modules stay as long as the process. By default every answer with some ten thousand rows makes the
    collector walk through all of them, which takes longer than the query.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, _YOUNG_COLLECTIONS, _MIDDLE_COLLECTIONS)
