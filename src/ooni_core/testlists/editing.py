"""What somebody proposes to change in the lists: edits on top of the published lists, never a copy of these.

A working copy is the published list with somebody's edits applied anew each time it is looked at. So a proposal never
grows stale: what others merged meanwhile is always underneath it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from ooni_core.errors import Invalid
from ooni_core.refusals import Refused
from ooni_core.testlists.grammar import CATEGORIES, ListRow, line_of, problem_with, read_lines

CLEAN, IN_PROGRESS, PR_OPEN = "CLEAN", "IN_PROGRESS", "PR_OPEN"
GLOBAL_LIST = "global"

_KEYS = ("url", "category_code", "date_added", "source", "notes")
_HEADER = "url,category_code,category_description,date_added,source,notes\n"


@attrs.frozen
class Edit:
    """One change of one list.

    Attributes:
        list_name: ``it``, ``global``.
        old: the line to change, None to add one.
        new: what takes its place, None to remove it.
        comment: one line, why.
    """

    list_name: str
    old: ListRow | None
    new: ListRow | None
    comment: str


@attrs.frozen
class WorkingCopy:
    """Where somebody's proposal stands.

    Attributes:
        state: ``CLEAN``, ``IN_PROGRESS`` or ``PR_OPEN``.
        edits: in the order in which they were made.
        proposal: name of the open proposal at the forge, ``""`` when there is none.
    """

    state: str = CLEAN
    edits: tuple[Edit, ...] = ()
    proposal: str = ""

    def changes(self) -> dict[str, list[dict[str, str]]]:
        """Return what differs from the published lists, by list: lines added and lines deleted.

        An edit is a deletion and an addition; what was added and deleted again is no change.
        """
        found: dict[str, list[tuple[str, ListRow]]] = {}
        for edit in self.edits:
            log = found.setdefault(edit.list_name, [])
            _note(log, "delete", edit.old)
            _note(log, "add", edit.new)
        return {name: [_change(action, row) for action, row in log] for name, log in found.items() if log}


def _note(log: list[tuple[str, ListRow]], action: str, row: ListRow | None) -> None:
    if row is None:
        return
    opposite = ("delete" if action == "add" else "add", row)
    if opposite in log:
        log.remove(opposite)
    else:
        log.append((action, row))


def _change(action: str, row: ListRow) -> dict[str, str]:
    return {**document_of(row), "category_description": CATEGORIES.get(row.category_code, ""), "action": action}


def document_of(row: ListRow) -> dict[str, str]:
    """Return a line as web pages read and send it."""
    return {key: getattr(row, key) for key in _KEYS}


def entry_of(entry: Any) -> ListRow | None:
    """Read a line as web pages send it; an empty one is None.

    Raises:
        Refused: a key is unknown or missing, or a value is no text.
    """
    if not entry:
        return None
    if not isinstance(entry, Mapping) or set(entry) != set(_KEYS):
        raise Refused("err_request_params")
    if not all(isinstance(value, str) for value in entry.values()):
        raise Refused("err_request_params")
    return ListRow(**{key: entry[key] for key in _KEYS})


def list_name_of(country_code: Any) -> str:
    """Return the name of a country's list: two letters, or ``global``.

    Raises:
        Refused: it is neither.
    """
    if not isinstance(country_code, str):
        raise Refused("err_invalid_country_code")
    name = country_code.lower()
    if name != GLOBAL_LIST and not (len(name) == 2 and name.isascii() and name.isalpha()):
        raise Refused("err_invalid_country_code")
    return name


def checked_edit(country_code: Any, old_entry: Any, new_entry: Any, comment: Any) -> Edit:
    """Make an edit of what web pages send.

    Raises:
        Refused: the list's name, a line or the comment cannot be right, or nothing would change.
    """
    if not isinstance(comment, str):
        raise Refused("err_request_params")
    new, old = entry_of(new_entry), entry_of(old_entry)
    for row in (new, old):
        problem = problem_with(row) if row is not None else None
        if problem:
            raise Refused(problem)
    name = list_name_of(country_code)
    if old == new:
        raise Refused("err_no_proposed_changes")
    one_line = " ".join(comment.split())[:200]
    return Edit(name, old, new, one_line or "Update the test list")


@attrs.frozen
class ListFile:
    """A list in the order of its file. Lines that nobody edits keep every byte.

    Attributes:
        lines: each line, and how it is written.
        header: how the first line is written.
    """

    lines: tuple[tuple[ListRow, str], ...]
    header: str = _HEADER

    @classmethod
    def of(cls, rows: Iterable[ListRow]) -> "ListFile":
        """Make a new list."""
        return cls(tuple((row, line_of(row)) for row in rows))

    @classmethod
    def parse(cls, text: str, name: str) -> "ListFile":
        """Read a list.

        Raises:
            Invalid: it is not one.
        """
        header = text.partition("\n")[0]
        if header.rstrip("\r") != _HEADER.rstrip("\n"):
            raise Invalid(f"{name} line 1: expected {_HEADER.rstrip()}")
        # The last line may lack its end, but not once another one follows it.
        lines = ((line.row, line.text.removesuffix("\n") + "\n") for line in read_lines(text, name))
        return cls(tuple(lines), f"{header}\n")

    @property
    def rows(self) -> tuple[ListRow, ...]:
        """What the lines say."""
        return tuple(row for row, _ in self.lines)

    def text(self) -> str:
        """Write it as its repository wants it."""
        return self.header + "".join(text for _, text in self.lines)

    def edited(self, edit: Edit) -> "ListFile":
        """Return the list with *edit* made: a line keeps its place, a new one comes last.

        Raises:
            Refused: the line to change is not there.
        """
        new = () if edit.new is None else ((edit.new, line_of(edit.new)),)
        if edit.old is None:
            return attrs.evolve(self, lines=(*self.lines, *new))
        if edit.old not in self.rows:
            raise Refused("err_cannot_update_list")
        place = self.rows.index(edit.old)
        return attrs.evolve(self, lines=(*self.lines[:place], *new, *self.lines[place + 1 :]))

    def has(self, url: str) -> bool:
        """Say whether a URL is on the list."""
        return any(row.url == url for row in self.rows)


def applied(published: ListFile, edits: Iterable[Edit]) -> ListFile:
    """Return a list with edits made, as far as they can be made still.

    An edit that somebody else made meanwhile, or whose line is gone, has nothing left to do.
    """
    current = published
    for edit in edits:
        if edit.old is None and edit.new in current.rows:
            continue
        try:
            current = current.edited(edit)
        except Refused:
            continue
    return current


def check_duplicate(edit: Edit, own: ListFile, everywhere: ListFile | None) -> None:
    """Make sure that an edit does not list a URL twice.

    Args:
        edit: the edit.
        own: the list it is for.
        everywhere: the global list, when *own* is another one.

    Raises:
        Refused: the URL is listed already.
    """
    if edit.new is None or (edit.old is not None and edit.old.url == edit.new.url):
        return
    url = edit.new.url
    if own.has(url) or (everywhere is not None and everywhere.has(url)):
        raise Refused("err_duplicate_url", {"url": url}, f"{url} is duplicate")


def parsed_list(content: bytes, name: str) -> ListFile:
    """Read a published list.

    Raises:
        Invalid: it is broken; the message names file and line.
    """
    try:
        return ListFile.parse(content.decode("utf-8"), f"{name}.csv")
    except UnicodeDecodeError as exc:
        raise Invalid(f"{name}.csv is not UTF-8") from exc


def title_of(edits: Sequence[Edit]) -> str:
    """Say in one line what a proposal changes."""
    names = sorted({edit.list_name for edit in edits})
    return f"Contribution from the test list editor: {len(edits)} changes in {', '.join(names)}"
