"""What is valid in a test list: URLs, categories, dates, and the shape of its file.

Source: the citizenlab/test-lists repository, its legend of category codes and the rules of its linter.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import attrs

from ooni_core.errors import Invalid

COLUMNS = ("url", "category_code", "category_description", "date_added", "source", "notes")
"""Header of every list."""

CATEGORIES: Mapping[str, str] = {
    "ALDR": "Alcohol & Drugs",
    "REL": "Religion",
    "PORN": "Pornography",
    "PROV": "Provocative Attire",
    "POLR": "Political Criticism",
    "HUMR": "Human Rights Issues",
    "ENV": "Environment",
    "MILX": "Terrorism and Militants",
    "HATE": "Hate Speech",
    "NEWS": "News Media",
    "XED": "Sex Education",
    "PUBH": "Public Health",
    "GMB": "Gambling",
    "ANON": "Anonymization and circumvention tools",
    "DATE": "Online Dating",
    "GRP": "Social Networking",
    "LGBT": "LGBT",
    "FILE": "File-sharing",
    "HACK": "Hacking Tools",
    "COMT": "Communication Tools",
    "MMED": "Media sharing",
    "HOST": "Hosting and Blogging Platforms",
    "SRCH": "Search Engines",
    "GAME": "Gaming",
    "CULTR": "Culture",
    "ECON": "Economics",
    "GOVT": "Government",
    "COMM": "E-commerce",
    "CTRL": "Control content",
    "IGO": "Intergovernmental Organizations",
    "MISC": "Miscellaneous content",
}
"""Category code -> description, spelled as in the legend."""

_LABEL = r"[A-Z0-9](?:[A-Z0-9-]{0,61}[A-Z0-9])?"
_HOST = rf"(?:(?:{_LABEL}\.)+(?:[A-Z]{{2,6}}\.?|[A-Z0-9-]{{2,}}\.?)|\d{{1,3}}(?:\.\d{{1,3}}){{3}})"
_URL = re.compile(rf"(?P<scheme>https?://)?(?P<host>{_HOST})(?::\d+)?(?P<path>/?|[/?]\S+)\Z", re.IGNORECASE | re.ASCII)
_BAD_CHARACTERS = re.compile(r"[\r\n\t\\]")
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\\]")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FORMULA = ("=", "+", "@")
_LONGEST_URL, _LONGEST_TEXT = 2048, 2000


@attrs.frozen
class ListRow:
    """One line of a list, as people edit it.

    Attributes:
        date_added: ``YYYY-MM-DD``.
        source: who proposed it, free text.
        notes: free text.
    """

    url: str
    category_code: str
    date_added: str
    source: str
    notes: str

    def fields(self) -> tuple[str, ...]:
        """Return the line's six fields, with the legend's description of its category."""
        description = CATEGORIES.get(self.category_code, "")
        return self.url, self.category_code, description, self.date_added, self.source, self.notes


def host_of(url: str) -> str | None:
    """Return the host of a URL that may stand in a list, small letters, None for anything else.

    The scheme may be missing. User names, IPv6 addresses, single words and international names are not for lists.
    """
    match = None if _BAD_CHARACTERS.search(url) else _URL.match(url)
    return match["host"].lower() if match else None


def problem_with(row: ListRow) -> str | None:
    """Say why people may not add *row*, in the codes of refusals; None when they may."""
    if not is_addable(row.url):
        return "err_bad_url"
    if row.category_code not in CATEGORIES:
        return "err_bad_category_code"
    if not is_date(row.date_added):
        return "err_bad_date"
    if any(not _is_text(text) for text in (row.source, row.notes)):
        return "err_request_params"
    return None


def is_addable(url: str) -> bool:
    """Say whether *url* may be added: with a scheme, and with a path, if only a slash."""
    match = None if _BAD_CHARACTERS.search(url) or len(url) > _LONGEST_URL else _URL.match(url)
    return bool(match and match["scheme"] and match["path"].startswith("/"))


def is_date(text: str) -> bool:
    """Say whether *text* is a day, ``YYYY-MM-DD``."""
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_text(text: str) -> bool:
    # Spreadsheets run cells that begin like a formula.
    return len(text) <= _LONGEST_TEXT and not _UNWRITABLE.search(text) and not text.startswith(_FORMULA)


@attrs.frozen
class Line:
    """One line of a list file.

    Attributes:
        number: of the line on which it ends.
        row: what it says.
        text: how it is written, with its line end and any empty lines before it.
    """

    number: int
    row: ListRow
    text: str


def read_rows(text: str, name: str) -> Iterator[tuple[int, ListRow]]:
    """Read a list file; see ``read_lines``.

    Returns:
        Each row with the number of the line on which it ends.
    """
    return ((line.number, line.row) for line in read_lines(text, name))


def read_lines(text: str, name: str) -> Iterator[Line]:
    """Read a list file.

    Args:
        text: its content.
        name: for messages.

    Raises:
        Invalid: it is not a list at all; the message names file and line.
    """
    # Not splitlines: that also ends lines at U+2028 and other characters that notes may hold.
    lines = _LINE.findall(text)
    reader = csv.reader(lines, strict=True)
    try:
        header = tuple(next(reader, ()))
        places = [header.index(column) for column in ("url", "category_code")]
        optional = [header.index(c) if c in header else None for c in ("date_added", "source", "notes")]
        begin = reader.line_num
        for fields in reader:
            if not fields:
                continue
            if len(fields) < len(header):
                raise Invalid(f"{name} line {reader.line_num}: {len(fields)} fields, expected {len(header)}")
            texts = [fields[place] if place is not None else "" for place in (*places, *optional)]
            yield Line(reader.line_num, ListRow(*texts), "".join(lines[begin : reader.line_num]))
            begin = reader.line_num
    except ValueError as exc:
        raise Invalid(f"{name} line 1: the header lacks url or category_code: {text[:80]!r}") from exc
    except csv.Error as exc:
        raise Invalid(f"{name} line {reader.line_num}: {exc}") from exc


def line_of(row: ListRow) -> str:
    """Write one line of a list file, quoted only where it must be."""
    return ",".join(_quoted(field) for field in row.fields()) + "\n"


def _quoted(field: str) -> str:
    if any(character in field for character in ',"\r\n'):
        return '"' + field.replace('"', '""') + '"'
    return field


def lint(files: Mapping[str, str]) -> list[str]:
    """Check lists as strictly as their repository does.

    Args:
        files: content by stem: ``global``, ``it``…

    Returns:
        What is wrong, each with file and line; nothing when all is well.
    """
    everywhere = {row.url for _, row in _readable(files.get("global", ""), "global.csv")}
    return [problem for stem, text in sorted(files.items()) for problem in _lint_one(stem, text, everywhere)]


def _readable(text: str, name: str) -> Sequence[tuple[int, ListRow]]:
    try:
        return list(read_rows(text, name))
    except Invalid:
        return ()


def _lint_one(stem: str, text: str, everywhere: set[str]) -> Iterator[str]:
    name, seen = f"{stem}.csv", set[str]()
    try:
        for line, row in read_rows(text, name):
            code = problem_with(row)
            if code:
                yield f"{name} line {line}: {code.removeprefix('err_').replace('_', ' ')}: {row.url[:120]}"
            if row.url in seen:
                yield f"{name} line {line}: duplicate url: {row.url[:120]}"
            if stem != "global" and row.url in everywhere:
                yield f"{name} line {line}: in the global list already: {row.url[:120]}"
            seen.add(row.url)
    except Invalid as exc:
        yield str(exc)
