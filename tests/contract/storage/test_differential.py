"""The same random writes on every engine and on a plain dictionary give the same rows."""

import random

import pytest

from ooni_adapters.sql.tables import COUNTERS_TEST_LIST, FASTPATH, MSMT_FEEDBACK

READ = "SELECT measurement_uid, account_id, status, comment FROM msmt_feedback"


class DifferentialContract:
    """Subclasses supply ``engine``."""

    @pytest.mark.parametrize("seed", range(4))
    def test_random_puts_and_removals_leave_what_a_dictionary_holds(self, engine, seed):
        rnd, model = random.Random(seed), {}
        for step in range(25):
            keys = [(f"m{rnd.randrange(6)}", f"a{rnd.randrange(3)}") for _ in range(rnd.randrange(1, 6))]
            if rnd.random() < 0.3:
                engine.delete(MSMT_FEEDBACK, [{"measurement_uid": m, "account_id": a} for m, a in keys])
                for key in keys:
                    model.pop(key, None)
                continue
            rows = [
                {"measurement_uid": m, "account_id": a, "status": rnd.choice(["ok", "down"]), "comment": f"{step}.{n}"}
                for n, (m, a) in enumerate(keys)
            ]
            key = f"seed {seed} step {rnd.randrange(step + 1)}"
            if engine.insert(MSMT_FEEDBACK, rows, batch_key=key):
                assert (key, "seen") not in model
                model |= {(row["measurement_uid"], row["account_id"]): (row["status"], row["comment"]) for row in rows}
                model[key, "seen"] = None
            else:
                assert (key, "seen") in model
        expected = {key: value for key, value in model.items() if key[1] != "seen"}
        assert {row[:2]: row[2:] for row in engine.query(READ).tuples} == expected

    @pytest.mark.parametrize("seed", range(3))
    def test_random_sums_equal_plain_addition(self, engine, seed):
        rnd, model = random.Random(seed), {}
        for _ in range(15):
            rows = [
                {"probe_cc": rnd.choice(["IT", "US"]), "input": rnd.choice("ab"), "msmt_cnt": rnd.randrange(-3, 9)}
                for _ in range(4)
            ]
            engine.insert(COUNTERS_TEST_LIST, rows)
            for row in rows:
                key = row["probe_cc"], row["input"]
                model[key] = model.get(key, 0) + row["msmt_cnt"]
        found = engine.query("SELECT probe_cc, input, sum(msmt_cnt) FROM counters_test_list GROUP BY probe_cc, input")
        assert {row[:2]: row[2] for row in found.tuples if row[2]} == {key: n for key, n in model.items() if n}

    @pytest.mark.parametrize("seed", range(3))
    def test_random_questions_over_replaced_rows_have_the_answer_of_a_plain_loop(self, engine, seed):
        rnd, rows = random.Random(seed), {}
        for _ in range(8):
            batch = [
                {
                    "measurement_uid": f"m{rnd.randrange(120)}",
                    "probe_cc": rnd.choice(["IT", "US", "BR"]),
                    "probe_asn": rnd.choice([1, 2, 4_000_000_000]),
                    "input": rnd.choice(["", "https://a/", "it's"]),
                    "anomaly": rnd.choice("tf"),
                }
                for _ in range(40)
            ]
            engine.insert(FASTPATH, batch)
            rows |= {row["measurement_uid"]: row for row in batch}
        for _ in range(10):
            wanted = {
                name: rnd.choice(list(rows.values()))[name]
                for name in rnd.sample(["probe_cc", "probe_asn", "input"], 2)
            }
            condition = " AND ".join(f"{name} = ${name}" for name in wanted)
            sql = f"SELECT count(*), count(*) FILTER (WHERE anomaly = 't') FROM fastpath WHERE {condition}"
            matching = [row for row in rows.values() if all(row[name] == value for name, value in wanted.items())]
            expected = len(matching), sum(row["anomaly"] == "t" for row in matching)
            assert engine.query(sql, wanted).tuples == [expected]


class TestDuckDbAgainstDictionary(DifferentialContract):
    @pytest.fixture
    def engine(self, duckdb_file):
        return duckdb_file


class TestEmbeddedClickHouseAgainstDictionary(DifferentialContract):
    @pytest.fixture
    def engine(self, chdb):
        return chdb


class TestClickHouseOverHttpAgainstDictionary(DifferentialContract):
    @pytest.fixture
    def engine(self, clickhouse):
        return clickhouse
