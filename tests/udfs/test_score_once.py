"""The optimizer rule of sql/extension/ScoreOnce.java: how many rows is a model really asked about?

The models here are stand-ins that write down each batch: ``f(v)`` is 3v, ``h(v)`` is -v, ``detail(v)`` a struct, and
``mine(v)``, 2v, is a function of the user that the rule knows nothing of. Of the 40 rows of ``t`` (id 0 to 39,
x = id - 20) f is positive for 19; a is 0 to 8 for 18 rows, NULL for 4 and larger for 18; k has 8 values.
"""

import os
import random

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyspark.errors import ArithmeticException
from pyspark.sql.udf import UserDefinedFunction
from pyspark.util import PythonEvalType

T = """SELECT id, IF(id % 10 = 9, NULL, CAST(id % 20 AS INT)) AS a, CAST(id - 20 AS DOUBLE) AS x, id % 8 AS k,
    IF(id % 2 = 0, 'even', 'odd') AS s FROM range(0, 40, 1, 1)"""

ONCE = {  # name: (query, rows that the models are asked about in all)
    "select": ("SELECT id, f(x) AS p FROM t", 40),
    "filter": ("SELECT id, f(x) AS p FROM t WHERE f(x) > 0", 40),
    "filter beside a cheap one": ("SELECT id, f(x) AS p FROM t WHERE f(x) > 0 AND k < 4", 20),
    "filter outside": ("SELECT id, p FROM (SELECT id, f(x) AS p FROM t) WHERE p > 0", 40),
    "filters inside and outside": ("SELECT * FROM (SELECT id, k, f(x) AS p FROM t WHERE f(x) > 0) WHERE k < 4 AND p < 30", 20),
    "same call written twice": ("SELECT f(x) + 1 AS p, -f(x) AS q FROM t WHERE f(x) BETWEEN 0 AND 30", 40),
    "having": ("SELECT k, max(f(x)) AS m FROM t WHERE f(x) > 0 GROUP BY k HAVING max(f(x)) > 90", 40),
    "having about the key": ("SELECT k, f(k) AS p, count(*) FROM t GROUP BY k HAVING f(k) > 5", 8),
    "filter on the key": ("SELECT k AS key, count(*) FROM t WHERE f(k) > 5 GROUP BY k", 8),
    "cte": ("WITH c AS (SELECT id, f(x) AS p FROM t) SELECT * FROM c WHERE p > 0", 40),
    "view": ("SELECT id, p FROM scored WHERE p > 0", 40),
    "join, scored on the left": ("SELECT t.id, f(x) AS p FROM t JOIN u ON t.id = u.id WHERE f(x) > 0", 40),
    "join, scored on the right": ("SELECT t.id, f(x) AS p FROM u JOIN t ON t.id = u.id WHERE f(x) > 0", 40),
    "left join": ("SELECT t.id, f(x) AS p, y FROM t LEFT JOIN u ON t.id = u.id WHERE f(x) > 0", 40),
    "right join": ("SELECT u.id, f(y) AS p, x FROM t RIGHT JOIN u ON t.id = u.id WHERE f(y) > 40", 20),
    "full join": ("SELECT t.id, f(x) AS p, y FROM t FULL JOIN u ON t.id = u.id", 40),
    "join on the prediction": ("SELECT t.id, f(x) FROM t JOIN u ON f(x) = u.y", 40),
    "cross join": ("SELECT t.id, f(x), z FROM t CROSS JOIN (SELECT id AS z FROM u WHERE id < 12) WHERE f(x) > 0", 40),
    "self join": ("SELECT l.id, f(l.x), f(r.x) FROM t l JOIN t r ON l.id = r.id + 1 WHERE f(l.x) > f(r.x)", 80),
    "union": ("SELECT id, f(x) AS p FROM (SELECT id, x FROM t UNION ALL SELECT id, y FROM u) WHERE f(x) > 0", 60),
    "group by": ("SELECT f(k) AS p, count(*) AS n FROM t WHERE f(k) > 3 GROUP BY f(k)", 40),
    "order by": ("SELECT id, f(x) AS p FROM t ORDER BY f(x) DESC", 40),
    "order by another": ("SELECT id, f(x) AS p FROM t ORDER BY id", 40),
    "order by, limit": ("SELECT id FROM t WHERE f(x) > 0 ORDER BY f(x) DESC LIMIT 3", 40),
    "limit": ("SELECT id, f(x) AS p FROM (SELECT * FROM t WHERE id < 5) LIMIT 9", 5),
    "order by another, limit": ("SELECT id, f(x) + h(k) AS p FROM t ORDER BY id DESC LIMIT 5", 10),
    "limit, then filter": ("SELECT id, f(x) FROM (SELECT * FROM t WHERE f(x) > 0 ORDER BY id LIMIT 10 OFFSET 2) WHERE f(x) > 9", 40),
    "window": ("SELECT id, f(x) AS p, avg(f(x)) OVER (PARTITION BY k ORDER BY id) FROM t WHERE f(x) > 0", 40),
    "best row of a group": ("SELECT id, p FROM (SELECT id, f(x) AS p, rank() OVER (PARTITION BY k ORDER BY f(x)) AS r FROM t) WHERE r = 1", 40),
    "exists": ("SELECT id, f(x) FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id) AND f(x) > 0", 40),
    "exists or": ("SELECT id, f(x) FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id) OR f(x) > 0", 40),
    "not exists": ("SELECT id, f(x) FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.id = t.id) AND f(x) > 0", 40),
    "in": ("SELECT id, f(x) FROM t WHERE f(x) IN (SELECT y FROM u)", 40),
    "in a subquery": ("SELECT id FROM u WHERE id IN (SELECT id FROM t WHERE f(x) > 0 AND f(x) < 30)", 40),
    "correlated subquery": ("SELECT u.id, (SELECT max(f(x)) FROM t WHERE t.id = u.id AND f(x) > 0) AS m FROM u", 40),
    "lateral view": ("SELECT id, e, f(x) AS p FROM (SELECT id, x, array(k, 2) AS l FROM t) LATERAL VIEW explode(l) AS e WHERE f(x) > 0", 40),
    "pivot": ("SELECT * FROM (SELECT s, k, f(x) AS p FROM t WHERE f(x) > 0) PIVOT (sum(p) FOR s IN ('even', 'odd'))", 40),
    "distinct": ("SELECT DISTINCT s, f(k) AS p FROM t WHERE f(k) > 3", 40),
    "distinct first": ("SELECT k, f(k) AS p FROM (SELECT DISTINCT k FROM t) WHERE f(k) > 3", 8),
    "count distinct": ("SELECT count(DISTINCT f(k)), sum(f(k)) FROM t WHERE f(k) > 0", 40),
    "grouping sets": ("SELECT s, k, sum(f(x)) FROM t WHERE f(x) > 0 GROUP BY GROUPING SETS ((s), (k), ())", 40),
    "cube": ("SELECT s, k, sum(f(k)) FROM t GROUP BY CUBE (s, k)", 40),
    "struct": ("SELECT id, detail(x).value, detail(x).status FROM t WHERE detail(x).status = 'OK'", 40),
    "chain": ("SELECT id, f(h(x)), h(x) FROM t", 80),
    "chain, inner filtered": ("SELECT id, f(h(x)) FROM t WHERE h(x) > 0", 40 + 20),
    "chain, outer filtered": ("SELECT id, h(x) FROM t WHERE f(h(x)) > 0", 80),
    "chain over the user's own": ("SELECT id, f(mine(x)), mine(x) FROM t WHERE mine(x) > 0", 40 + 19),
    "two chains": ("SELECT id, f(h(x)), detail(h(x)).value FROM t", 120),
    "two models": ("SELECT id, f(x), h(x) FROM t WHERE f(x) > 0 AND h(x) > -15", 80),
    "sampled": ("SELECT id, f(x) FROM (SELECT * FROM t TABLESAMPLE (100 PERCENT)) WHERE f(x) > 0", 40),
    "repartitioned": ("SELECT id, f(x) FROM (SELECT /*+ REPARTITION(3) */ * FROM t WHERE f(x) > 0)", 40),
}  # fmt: skip

GUARDED = {
    "case": ("SELECT id, CASE WHEN a < 10 THEN f(x) END FROM t", 18),
    "case else": ("SELECT id, CASE WHEN a < 10 THEN -1 WHEN a > 15 THEN f(x) ELSE 0 END FROM t", 6),
    "else": ("SELECT id, CASE WHEN a < 10 THEN -1 ELSE f(x) END FROM t", 22),
    "if": ("SELECT id, IF(a < 10, f(x), -1D) FROM t", 18),
    "if not": ("SELECT id, IF(a < 10, -1D, f(x)) FROM t", 22),
    "coalesce": ("SELECT id, COALESCE(CAST(a AS DOUBLE), f(x)) FROM t", 4),
    "coalesce, first": ("SELECT id, COALESCE(f(x), CAST(a AS DOUBLE)) FROM t", 40),
    "and": ("SELECT id, a < 10 AND f(x) > 0 FROM t", 22),
    "and, turned": ("SELECT id, f(x) > 0 AND a < 10 FROM t", 22),
    "or": ("SELECT id, a >= 10 OR f(x) > 0 FROM t", 22),
    "and in a filter": ("SELECT id FROM t WHERE a < 10 AND f(x) > 0", 18),
    "or in a filter": ("SELECT id FROM t WHERE a >= 10 OR f(x) > 0", 22),
    "and within or in a filter": ("SELECT id FROM t WHERE a > 15 OR (a < 10 AND f(x) > 0)", 18),
    "case in a filter": ("SELECT id FROM t WHERE CASE WHEN a < 10 THEN f(x) > 0 ELSE k > 2 END", 18),
    "or in a filter and a case": ("SELECT id, CASE WHEN a < 5 THEN f(x) END FROM t WHERE a >= 10 OR f(x) > 0", 22),
    "or in a filter and the answer": ("SELECT id, f(x) FROM t WHERE a >= 10 OR f(x) > 0", 40),
    "guarded and not": ("SELECT id, CASE WHEN a < 5 THEN f(x) END, f(x) FROM t", 40),
    "two guards": ("SELECT id, CASE WHEN a < 5 THEN f(x) END, CASE WHEN a > 15 THEN f(x) END FROM t", 16),
    "two models": ("SELECT id, CASE WHEN a < 5 THEN f(x) WHEN a > 15 THEN h(x) END FROM t", 16),
    "guards outside": ("SELECT id, IF(a < 3, p, 0D), IF(a > 17, p, 0D) FROM (SELECT id, a, f(x) AS p FROM t)", 8),
    "nested": ("SELECT id, CASE WHEN a < 10 THEN IF(k = 0, f(x), 1D) END FROM t", 3),
    "sum of case": ("SELECT s, sum(CASE WHEN a < 10 THEN f(x) END) FROM t GROUP BY s", 18),
    "filtered sum": ("SELECT s, sum(f(x)) FILTER (WHERE a < 10) FROM t GROUP BY s", 18),
    "window over case": ("SELECT id, sum(CASE WHEN a < 10 THEN f(x) END) OVER (PARTITION BY k ORDER BY id) FROM t", 18),
    "order by another": ("SELECT id, CASE WHEN a < 10 THEN f(x) END AS p FROM t ORDER BY id", 18),
    "by another model": ("SELECT id, CASE WHEN f(x) > 0 THEN h(x) END FROM t", 40 + 19),
    "coalesce of models": ("SELECT id, COALESCE(f(NULLIF(x, 5)), h(x)) FROM t", 40 + 1),
    "chain": ("SELECT id, CASE WHEN a < 10 THEN f(h(x)) END FROM t", 18 + 18),
    "struct": ("SELECT id, IF(a < 10, detail(x).value, 0D), IF(a < 10, detail(x).status, '') FROM t", 18),
}  # fmt: skip

NOT_HELPED = {  # name: (query, rows that the models are asked about, rows that there are)
    "the same table scored in two branches": ("WITH c AS (SELECT id, f(x) AS p FROM t) SELECT l.p, r.p FROM c l JOIN c r ON l.id = r.id + 1", 80, 40),
    "scored again in a scalar subquery": ("SELECT id, f(x) FROM t WHERE f(x) > (SELECT avg(f(x)) FROM t)", 80, 40),
    "the NULL side of an outer join": ("SELECT t.id, f(y) FROM t LEFT JOIN (SELECT id, y FROM u WHERE f(y) > 40) v ON t.id = v.id", 60, 20),
    "rows that explode has multiplied": ("SELECT id, e, f(x) AS p FROM t LATERAL VIEW explode(array(1, 2)) AS e", 80, 40),
    "groups of fractions": ("SELECT x, f(x) AS p, count(*) FROM t GROUP BY x HAVING f(x) > 0", 40 + 19, 40),
    "a filter that Spark infers for the other side": ("SELECT t.id FROM t JOIN u ON t.k = u.id WHERE f(k) > 0", 40 + 20, 40),
    "a guard that is a subquery": ("SELECT id, IF(k > (SELECT avg(k) FROM t), f(x), 0D) FROM t", 40, 20),
    "two models that guard each other": ("SELECT id FROM t WHERE f(x) > 0 AND h(x) > -15", 80, 40 + 19),
}  # fmt: skip


def stand_in(name, log, answer, sql_type="double", is_ours=True):
    """A function as predict has it: the values, then perhaps whether each row is wanted; every batch is logged."""

    def ask(*columns):
        *values, is_wanted = columns if pa.types.is_boolean(columns[-1].type) else (*columns, None)
        n_rows = len(values[0]) if is_wanted is None else is_wanted.to_pylist().count(True)
        file = os.open(str(log), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{n_rows}\n".encode())
        os.close(file)
        answers = answer(values[0].cast(pa.float64()))
        return answers if is_wanted is None else pc.if_else(is_wanted, answers, None)

    title = f"foretable.{name}" if is_ours else name
    return UserDefinedFunction(ask, sql_type, name=title, evalType=PythonEvalType.SQL_SCALAR_ARROW_UDF)


def logged(log):
    return sum(map(int, log.read_text().split()))


def detail_of(values):
    status = pc.if_else(pc.greater(values, 0), "OK", "NEGATIVE")
    return pa.StructArray.from_arrays([pc.multiply(values, 3), status], ["value", "status"])


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("asked") / "rows"


@pytest.fixture(scope="module")
def functions(log):
    return {
        "f": stand_in("f", log, lambda v: pc.multiply(v, 3)),
        "h": stand_in("h", log, lambda v: pc.negate(v)),
        "detail": stand_in("detail", log, detail_of, "STRUCT<value DOUBLE, status STRING>"),
        "mine": stand_in("mine", log, lambda v: pc.multiply(v, 2), is_ours=False),
        "dice": stand_in("dice", log, lambda v: pc.multiply(v, 3)).asNondeterministic(),
    }


def register_all(session, functions):
    for name, function in functions.items():
        session._jsparkSession.udf().registerPython(name, function._judf)


@pytest.fixture(scope="module")
def asked(spark, functions, log):
    """Rows of a query, and the number of rows that models were asked about, with the rule on or off."""
    register_all(spark, functions)
    for name, query in (("t", T), ("u", "SELECT id, CAST(id AS DOUBLE) AS y FROM range(10, 30, 1, 1)")):
        spark.sql(query).write.parquet(str(log.parent / name))
        spark.read.parquet(str(log.parent / name)).createOrReplaceTempView(name)
    spark.sql("CREATE OR REPLACE TEMPORARY VIEW scored AS SELECT id, f(x) AS p FROM t")

    def run(query, is_on=True, session=spark):
        session.conf.set("foretable.score_once", str(is_on).lower())
        log.write_text("")
        before = failures(spark)
        rows = [tuple(row) for row in session.sql(query).collect()]
        assert failures(spark) == before
        return rows, logged(log)

    yield run
    spark.conf.unset("foretable.score_once")


def failures(spark):
    return spark._jvm.foretable.ScoreOnce.failures


def in_any_order(rows):
    return sorted(map(repr, rows))


def assert_helped(asked, query, expected):
    rows, n_asked = asked(query)
    plain_rows, plain_asked = asked(query, is_on=False)
    assert in_any_order(rows) == in_any_order(plain_rows)
    assert n_asked == expected
    assert n_asked <= plain_asked


@pytest.mark.parametrize("shape", ONCE)
def test_each_row_is_asked_about_once(asked, shape):
    assert_helped(asked, *ONCE[shape])


@pytest.mark.parametrize("shape", GUARDED)
def test_only_rows_whose_answer_matters_are_asked_about(asked, shape):
    assert_helped(asked, *GUARDED[shape])


@pytest.mark.parametrize("shape", NOT_HELPED)
def test_what_is_not_helped_costs(asked, shape):
    query, cost, ideal = NOT_HELPED[shape]
    assert_helped(asked, query, cost)
    assert cost > ideal


@pytest.mark.parametrize("shape", ["filter beside a cheap one", "order by", "union", "cube", "chain"])
def test_compiled_and_replanned_queries_ask_as_little(asked, compiled, shape):
    with compiled():
        assert_helped(asked, *ONCE[shape])


@pytest.mark.parametrize("shape", ["nested", "or in a filter", "by another model", "filtered sum"])
def test_guards_hold_in_compiled_queries(asked, compiled, shape):
    with compiled():
        assert_helped(asked, *GUARDED[shape])


@pytest.mark.parametrize(
    ("expression", "matters"),  # matters: for which of TRUE, FALSE, NULL of the guard; v > 0 takes all three, too
    [
        ("g AND f(v) > 0", {1, 3}),
        ("f(v) > 0 AND g", {1, 3}),
        ("g OR f(v) > 0", {2, 3}),
        ("NOT (g AND f(v) > 0)", {1, 3}),
        ("NOT g AND f(v) > 0", {2, 3}),
        ("(g AND f(v) > 0) IS NULL", {1, 3}),
        ("IF(g, f(v), 7D)", {1}),
        ("IF(g, 7D, f(v))", {2, 3}),
        ("CASE WHEN g THEN 7D WHEN NOT g THEN f(v) ELSE 8D END", {2}),
        ("CASE WHEN g AND f(v) > 0 THEN 1 ELSE 2 END", {1}),
        ("COALESCE(IF(g, 7D, NULL), f(v))", {2, 3}),
        ("NVL2(g, f(v), 7D)", {1, 2}),
    ],
)
def test_a_guard_is_exact_in_three_valued_logic(spark, asked, expression, matters):
    spark.sql(
        "SELECT guard.id, values.id AS value, IF(guard.id = 3, NULL, guard.id = 1) AS g, IF(values.id = 3, NULL, 1.5D - values.id) AS v "
        "FROM range(1, 4, 1, 1) AS guard CROSS JOIN range(1, 4, 1, 1) AS values"
    ).createOrReplaceTempView("three_valued")
    assert_helped(asked, f"SELECT id, value, {expression} FROM three_valued", 3 * len(matters))


def test_arguments_are_not_evaluated_on_excluded_rows(asked):
    rows, n_asked = asked("SELECT id, CASE WHEN x <> 0 THEN f(100 / x) END FROM t WHERE id BETWEEN 19 AND 21")
    assert rows == [(19, -300.0), (20, None), (21, 300.0)]
    assert n_asked == 2


def test_a_guard_inside_a_guard_is_not_evaluated_where_the_outer_one_fails(asked, compiled):
    query = (
        "SELECT id, CASE WHEN x <> 0 THEN IF(1 / x > 0.5, f(x), 0D) END, CASE WHEN x <> 0 THEN IF(1 / x > 0.5, h(x), 0D) END "
        "FROM t WHERE id BETWEEN 19 AND 21"
    )
    expected = [(19, 0.0, 0.0), (20, None, None), (21, 3.0, -1.0)]
    assert asked(query) == (expected, 2)
    with compiled():
        assert asked(query) == (expected, 2)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id, f(x) <> 0 AND 1 / x > 0 FROM t",  # the division is right of the model: it may not go first
        "SELECT id, f(x) = 0 OR 1 / x > 0 FROM t",
        # above a filter: it may not go below it, where f is evaluated for both
        "SELECT id, CASE WHEN 1 / x > 0 THEN f(x) END FROM t WHERE IF(k > 100, f(x) > 0, h(x) <> 0)",
    ],
)
def test_a_guard_that_can_fail_is_not_evaluated_earlier(asked, query):
    assert in_any_order(asked(query)[0]) == in_any_order(asked(query, is_on=False)[0])


def test_a_guard_that_fails_still_fails(asked):
    with pytest.raises(ArithmeticException, match="DIVIDE_BY_ZERO"):
        asked("SELECT CASE WHEN 1 / x > 0 THEN f(x) END FROM t")


@pytest.mark.parametrize("order", ["id DESC", "p DESC", "k, p", "a NULLS FIRST, id", "id DESC LIMIT 7 OFFSET 2"])
def test_sorted_rows_keep_their_order(asked, order):
    query = f"SELECT id, a, k, f(x) AS p FROM t WHERE h(x) < 15 ORDER BY {order}"
    assert asked(query)[0] == asked(query, is_on=False)[0]


def test_functions_of_the_user_are_left_alone(spark, asked):
    query = "SELECT id, CASE WHEN a < 10 THEN mine(x) END, mine(x) FROM t WHERE mine(x) > 0"
    assert asked(query) == asked(query, is_on=False)


def test_functions_that_answer_anew_each_time_are_left_alone(asked):
    query = "SELECT id, CASE WHEN a < 10 THEN dice(x) END FROM t WHERE dice(x) > 0"
    assert asked(query) == asked(query, is_on=False)


def test_later_sessions_have_the_rule_and_their_own_switch(spark, functions, asked):
    session = spark.newSession()
    register_all(session, functions)
    session.sql(T).createOrReplaceTempView("t")
    query = ONCE["filter"][0]
    assert asked(query, session=session)[1] == 40
    assert asked(query, is_on=False, session=session)[1] == 40 + 19
    assert asked(query)[1] == 40


def test_the_rule_is_on_unless_it_is_switched_off(spark, functions, log, asked):
    session = spark.newSession()
    register_all(session, functions)
    session.sql(T).createOrReplaceTempView("t")
    log.write_text("")
    session.sql(ONCE["filter"][0]).collect()
    assert logged(log) == 40
    session.sql("SET foretable.score_once = false")
    session.sql(ONCE["filter"][0]).collect()
    assert logged(log) == 40 + 40 + 19


def test_a_failure_of_the_rule_leaves_the_plan_as_it_was(spark):
    before = failures(spark)
    assert spark._jvm.foretable.ScoreOnce().apply(None) is None
    assert failures(spark) == before + 1


def test_explain_shows_the_guard(spark, asked):
    spark.conf.set("foretable.score_once", "true")
    plan = spark.sql(f"EXPLAIN {GUARDED['case'][0]}").collect()[0][0]
    assert "foretable.f where wanted" in plan


def test_writes_and_time_travel_ask_once(spark, asked, schema):
    spark.sql("CREATE TABLE rows (id BIGINT, a INT, x DOUBLE, k BIGINT, s STRING) PARTITIONED BY (s)")
    spark.sql("INSERT INTO rows SELECT * FROM t")
    statements = [
        ("SELECT id, f(x) FROM rows WHERE s = 'even' AND f(x) > 0", 20),
        ("SELECT id, f(x) FROM rows VERSION AS OF 1 WHERE f(x) > 0", 40),
        ("CREATE TABLE saved AS SELECT id, f(x) AS p FROM rows WHERE f(x) > 0", 40),
        ("INSERT INTO saved SELECT id + 100, f(x) AS p FROM rows WHERE f(x) > 0", 40),
        ("INSERT INTO saved SELECT id + 200, CASE WHEN a < 10 THEN f(x) END AS p FROM rows", 18),
        ("MERGE INTO saved USING (SELECT id, f(x) - 1 AS p FROM rows WHERE f(x) > 0) AS new ON saved.id = new.id "
         "WHEN MATCHED THEN UPDATE SET p = new.p WHEN NOT MATCHED THEN INSERT *", 40),
    ]  # fmt: skip
    assert [asked(text)[1] for text, _ in statements] == [expected for _, expected in statements]
    assert asked("SELECT count(*), sum(p) FROM saved WHERE id < 100")[0] == [(19, sum(3 * v - 1 for v in range(1, 20)))]
    assert asked("SELECT count(*), sum(p) FROM saved WHERE id BETWEEN 100 AND 199")[0] == [(19, 3 * 190)]
    low = [i for i in range(40) if i % 20 < 9]
    assert asked("SELECT count(*), count(p), sum(p) FROM saved WHERE id >= 200")[0] == [
        (40, 18, sum(3 * (i - 20) for i in low))
    ]


def test_predict_answers_the_same_under_a_guard(spark, sql, register, asked):
    register("guarded_forest", "random_forest", n_estimators=30)
    call = "predict('guarded_forest', struct(id / 10D AS a, id % 7 AS b))"
    query = f"SELECT id, CASE WHEN id < 12 THEN {call} END AS p, id % 7 < 3 AND {call} > 0 FROM range(30)"
    guarded, plain = asked(query)[0], asked(query, is_on=False)[0]
    assert in_any_order(guarded) == in_any_order(plain)
    assert sum(p is not None for _, p, _ in guarded) == 12
    spark.conf.set("foretable.score_once", "true")
    assert "foretable.predict(guarded_forest/1) where wanted" in spark.sql(f"EXPLAIN {query}").collect()[0][0]


# ---- random queries


def random_value(draw, depth):
    """A DOUBLE over the columns id, a, x, k with calls of the models in it, some under a guard."""
    if depth == 0:
        return draw.choice(["f(x)", "f(x)", "h(x)", "f(k)", "f(h(x))", "detail(x).value", "x", "CAST(a AS DOUBLE)"])
    inner, other = random_value(draw, depth - 1), random_value(draw, depth - 1)
    return draw.choice(
        [
            inner,
            f"{inner} + 1",
            f"CASE WHEN {random_condition(draw, 0)} THEN {inner} WHEN {random_condition(draw, 0)} THEN {other} END",
            f"IF({random_condition(draw, depth - 1)}, {inner}, {other})",
            f"COALESCE({inner}, {other})",
            f"NULLIF({inner}, 3D)",
        ]
    )


def random_condition(draw, depth):
    if depth == 0:
        return draw.choice(["a < 10", "a >= 5", "a IS NULL", "k = 3", "k < 4", "s = 'odd'", "id % 3 = 0"])
    left, right = random_condition(draw, depth - 1), random_condition(draw, depth - 1)
    comparison = f"{random_value(draw, depth - 1)} {draw.choice(['>', '<=', '<>'])} {draw.randint(-20, 20)}"
    return draw.choice([comparison, comparison, f"({left} AND {right})", f"({left} OR {right})", f"NOT {left}"])


def random_query(draw, depth):
    """A query over t: rows with two values p and q, then one of the shapes that people give such rows."""
    source = draw.choice(
        [
            "t",
            "(SELECT * FROM t UNION ALL SELECT id + 100, 5, y, id % 4, 'odd' FROM u)",
            "(SELECT t.* FROM t LEFT JOIN u ON t.id = u.id)",
            "(SELECT t.*, y FROM t JOIN u ON t.id = u.id)",
        ]
    )
    rows = f"SELECT id, a, x, k, s, {random_value(draw, depth)} AS p, {random_value(draw, 1)} AS q FROM {source}"
    if draw.random() < 0.6:
        rows += f" WHERE {random_condition(draw, depth)}"
    return draw.choice(
        [
            rows,
            f"SELECT id, p, f(x) AS r FROM ({rows}) WHERE p > 0 OR {random_condition(draw, 1)}",
            f"SELECT k, sum(p), count(q) FILTER (WHERE a < 10), max(f(x)) FROM ({rows}) GROUP BY k HAVING max(p) > 0",
            f"SELECT k, f(k) AS r, count(*) FROM ({rows}) GROUP BY k HAVING f(k) > 5",
            f"SELECT DISTINCT k, p FROM ({rows})",
            f"SELECT id, p, q FROM ({rows}) ORDER BY id LIMIT 7",
            f"SELECT id, p FROM ({rows}) ORDER BY p, id",
            f"SELECT id, sum(p) OVER (PARTITION BY k ORDER BY id) AS w, f(x) FROM ({rows})",
            f"SELECT l.id, l.p, u.y FROM ({rows}) AS l JOIN u ON l.id = u.id AND l.p < u.y",
            f"SELECT id, p FROM ({rows}) WHERE id IN (SELECT id FROM u WHERE f(y) > 40)",
            f"SELECT id, CASE WHEN a < 10 THEN p ELSE f(x) END AS r FROM ({rows})",
        ]
    )


def assert_random_queries_agree(asked, seeds, depth):
    n_saved = 0
    for seed in seeds:
        query = random_query(random.Random(seed), depth)
        (rows, n_asked), (plain_rows, plain_asked) = asked(query), asked(query, is_on=False)
        assert in_any_order(rows) == in_any_order(plain_rows), f"seed {seed}: {query}"
        assert n_asked <= plain_asked, f"seed {seed}: {query}"
        n_saved += plain_asked - n_asked
    assert n_saved > 0


@pytest.mark.parametrize("block", [0, 1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 6))])
def test_random_queries_have_the_same_rows_and_ask_no_more(asked, block):
    assert_random_queries_agree(asked, range(10 * block, 10 * block + 10), depth=1)


@pytest.mark.slow
def test_many_random_queries_have_the_same_rows_and_ask_no_more(spark, asked, compiled):
    spark.conf.set("spark.sql.planChangeValidation", "true")
    assert_random_queries_agree(asked, range(100, 250), depth=2)
    with compiled():
        assert_random_queries_agree(asked, range(250, 300), depth=2)
    spark.conf.unset("spark.sql.planChangeValidation")
