"""Charts, which hold columns and are asked for cells."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ooni_core.catalog.model import Cell, Chart, Counts

numbers = st.integers(0, 9)
counts = st.builds(Counts, numbers, numbers, numbers, numbers, numbers)
keys = st.tuples(st.sampled_from(["BR", "DE", "IT", "ZZ"]), st.integers(1, 3))
charts = st.dictionaries(keys, counts).map(lambda found: Chart.of([Cell(*each) for each in sorted(found.items())], 2))
more = st.lists(st.builds(Cell, keys, counts))


def summed(cells):
    """Return cells as a dictionary, those with equal keys added up."""
    found = {}
    for key, count in cells:
        found.setdefault(key, Counter()).update(count._asdict())
    return {key: Counts(**{name: total[name] for name in Counts._fields}) for key, total in found.items()}


@given(chart=charts, cells=more)
def test_cells_added_to_a_chart_are_counted_and_sorted_in(chart, cells):
    before = chart.cells
    whole = chart.plus(cells).cells
    assert dict(whole) == summed([*before, *cells])
    assert [cell.keys for cell in whole] == sorted({cell.keys for cell in [*before, *cells]})
    assert chart.cells == before


def test_chart_without_axes_keeps_its_one_cell():
    chart = Chart.of([Cell((), Counts(ok=1, measurements=1))], 0)
    assert chart.plus([Cell((), Counts(anomaly=2, measurements=2))]).cells == (Cell((), Counts(2, 0, 0, 1, 3)),)
    assert chart.plus([]).cells == chart.cells
