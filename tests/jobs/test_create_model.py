"""CREATE MODEL and EVALUATE MODEL on real Delta tables, against scikit-learn and NumPy on the same rows."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from pyspark.errors import ArithmeticException
from sklearn.linear_model import HuberRegressor, Ridge
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

from jobs.statements.tuned_spec import inner_parts
from models.artifact import load_scorer

N = 500
_names = itertools.count(1)


@pytest.fixture(scope="module")
def frame():
    """Rows in time order: y = 2 a - b + noise; d has noise added in step with itself."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame(random.normal(size=(N, 2)), columns=["a", "b"])
    rows["y"] = 2 * rows.a - rows.b + random.normal(size=N) * 0.5
    rows["up"] = np.where(rows.y > 0, "up", "down")
    rows["n"] = (rows.y > 0).astype("int64")
    rows["t"] = pd.date_range("2024-01-01", periods=N, freq="min")
    return rows


@pytest.fixture
def table(spark, schema, frame):
    spark.createDataFrame(frame.sample(frac=1, random_state=1)).write.saveAsTable("rows")
    return "rows"


@pytest.fixture
def name(registry):
    """A name no other test uses; the model is gone afterwards."""
    fresh = f"made_{next(_names)}"
    yield fresh
    if fresh in registry.list_models():
        registry.delete_model(fresh)


@pytest.fixture
def run(spark):
    return lambda text: spark.sql(text).collect()


def test_without_a_held_out_part_the_model_is_scikit_learns_own(run, registry, frame, table, name):
    (row,) = run(
        f"CREATE MODEL {name} USING ridge OPTIONS (label = 'y', split = 0, alpha = 3) AS SELECT a, b, y FROM rows"
    )
    assert (row.model, row.version, row.n_train, row.n_validation, row.is_champion) == (name, 1, N, 0, True)
    scaled = StandardScaler().fit_transform(frame[["a", "b"]])
    expected = Ridge(alpha=3).fit(scaled, frame.y).predict(scaled)
    version = registry.resolve(name)
    got = load_scorer(version.folder, version.digest).predict(frame[["a", "b"]].to_numpy())
    np.testing.assert_allclose(got, expected, rtol=1e-9)
    assert row.train == pytest.approx(mean_squared_error(frame.y, expected) ** 0.5, rel=1e-9)


def test_a_pipeline_of_scikit_learn_is_trained_by_class_paths(run, registry, frame, table, name):
    (row,) = run(
        f"CREATE MODEL {name} USING sklearn.preprocessing.RobustScaler | sklearn.linear_model.HuberRegressor "
        "OPTIONS (label = 'y', split = 0, huberregressor__epsilon = 1.1) AS SELECT a, b, y FROM rows"
    )
    theirs = make_pipeline(RobustScaler(), HuberRegressor(epsilon=1.1)).fit(frame[["a", "b"]].to_numpy(), frame.y)
    expected = theirs.predict(frame[["a", "b"]].to_numpy())
    answers = run(f"SELECT a, b, predict('{name}', struct(a, b)) AS p FROM rows")
    got = pd.DataFrame(answers, columns=["a", "b", "p"]).merge(frame[["a", "b"]].assign(expected=expected))
    np.testing.assert_allclose(got.p, got.expected, rtol=1e-9)
    assert len(got) == N
    version = registry.resolve(f"{name}/{row.version}")
    assert version.family == "sklearn.preprocessing.RobustScaler | sklearn.linear_model.HuberRegressor"


NETWORK = """
def layers(keras, inputs, options):
    return keras.layers.Dense(4, 'relu')(inputs)
"""


@pytest.fixture
def network(registry):
    """The name of a network of the user's own."""
    file = registry.networks_folder / "dense.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(NETWORK)
    yield file.stem
    file.unlink()


def test_a_network_of_the_users_own_is_trained_and_asked_in_sql(run, registry, frame, table, name, network):
    (row,) = run(
        f"CREATE MODEL {name} USING keras OPTIONS (label = 'y', network = '{network}', epochs = 3, split = 0) "
        "AS SELECT a, b, y FROM rows"
    )
    version = registry.resolve(f"{name}/{row.version}")
    expected = load_scorer(version.folder, version.digest).predict(frame[["a", "b"]].to_numpy())
    answers = run(f"SELECT a, b, predict('{name}', struct(a, b)) AS p FROM rows")
    got = pd.DataFrame(answers, columns=["a", "b", "p"]).merge(frame[["a", "b"]].assign(expected=expected))
    np.testing.assert_allclose(got.p, got.expected, rtol=0, atol=1e-6)
    assert len(got) == N


def test_another_text_of_a_network_is_another_version(run, registry, table, name, network):
    text = (
        f"CREATE OR REPLACE MODEL {name} USING keras OPTIONS (label = 'y', network = '{network}', epochs = 1, split = 0) "
        "AS SELECT a, b, y FROM rows"
    )
    assert [row.version for row in run(text)] == [row.version for row in run(text)] == [1]
    (registry.networks_folder / "dense.py").write_text(NETWORK.replace("4", "5"))
    assert [row.version for row in run(text)] == [2]


def test_with_a_time_the_last_rows_are_held_out_and_labels_that_reach_over_a_border_left_out(run, frame, table, name):
    (row,) = run(
        f"CREATE MODEL {name} USING ridge OPTIONS (label = 'y', time = 't', split = 0.2, horizon_seconds = 300) "
        "AS SELECT a, b, y, t FROM rows"
    )
    # 500 minutes: test from minute 400 on, validation from 300 on; a label of 5 minutes may not end in the next part,
    # and of a part the first 5 minutes are left out.
    assert (row.n_train, row.n_validation, row.n_test) == (300 - 5, 100 - 5 - 5, 100 - 5)


def test_folds_are_measured_before_test_and_seen_in_sql(run, frame, table, name):
    run(
        f"CREATE MODEL {name} USING ridge OPTIONS (label = 'y', time = 't', split = 'walk_forward', folds = 3, "
        "horizon_seconds = 300) AS SELECT a, b, y, t FROM rows"
    )
    told = run(
        f"SELECT split, value FROM training_runs WHERE model = '{name}' AND split LIKE 'fold%' AND metric = 'mse' "
        "ORDER BY split"
    )
    # Test begins at minute 400 and 5 minutes of embargo; labels known before leave minutes 0 to 399. Four stretches of
    # 100: each is measured 5 minutes after its start by what was fitted on labels known before its start.
    expected = []
    for number in (1, 2, 3):
        known, later = frame[: 100 * number - 5], frame[100 * number + 5 : 100 * (number + 1)]
        scaler = StandardScaler().fit(known[["a", "b"]])
        model = Ridge(alpha=100).fit(scaler.transform(known[["a", "b"]]), known.y)
        expected.append(mean_squared_error(later.y, model.predict(scaler.transform(later[["a", "b"]]))))
    assert [row.split for row in told] == ["fold_1", "fold_2", "fold_3"]
    np.testing.assert_allclose([row.value for row in told], expected, rtol=1e-9)


def test_a_feature_made_from_the_label_is_reported_or_refused(run, registry, table, name, refusal):
    create = f"CREATE OR REPLACE MODEL {name} USING ridge OPTIONS (label = 'y', time = 't', horizon_seconds = 60, leakage = '{{}}') "
    query = "AS SELECT a, b, exp(y) AS `made of (y)`, y, t FROM rows"
    assert f"{name} is not trained: made of (y) alone tells 9" in refusal(create.format("fail") + query)
    assert name not in registry.list_models()
    run(create.format("warn") + query)
    worst = f"SELECT max_by(metric, value) FROM training_runs WHERE model = '{name}' AND split = 'leakage'"
    assert run(worst) == [("made of (y)",)]
    run(create.format("off") + query)
    assert len(registry.list_versions(name)) == 1  # the same training: what is reported changes no fit


def test_shuffled_labels_are_predicted_no_better_than_by_their_mean(run, table, name):
    shuffled = "SELECT rows.a, rows.b, other.y, rows.t FROM rows JOIN (SELECT y, row_number() OVER (ORDER BY hash(y)) AS i FROM rows) other ON other.i = timestampdiff(MINUTE, TIMESTAMP'2024-01-01', rows.t) + 1"
    run(
        f"CREATE MODEL {name} USING random_forest OPTIONS (label = 'y', time = 't', split = 'purged_k_fold', n_estimators = 50, min_samples_leaf = 20) AS {shuffled}"
    )
    r2 = run(
        f"SELECT value FROM training_runs WHERE model = '{name}' AND metric = 'r2' AND (split = 'test' OR split LIKE 'fold%')"
    )
    # Of n rows that have nothing to tell, r2 is 0 but for chance, some 1 / sqrt(n); an honest fit here tells 0.9.
    assert len(r2) == 6
    assert max(row.value for row in r2) < 0.15


def test_the_order_in_which_rows_arrive_changes_nothing(run, spark, table, name):
    for order in ("a", "b DESC"):
        (row,) = run(
            f"CREATE OR REPLACE MODEL {name} USING decision_tree OPTIONS (label = 'y') AS SELECT a, b, y FROM rows ORDER BY {order}"
        )
    assert (row.version, row.result) == (1, "unchanged: same settings and data as this version")


def test_a_worse_version_does_not_replace_the_champion_and_readers_keep_their_answer(run, table, name):
    create = f"CREATE OR REPLACE MODEL {name} USING ridge OPTIONS (label = 'y', time = 't', alpha = {{}}) AS SELECT a, b, y, t FROM rows"
    run(create.format(1))
    before = run(f"SELECT predict('{name}', struct(1D AS a, 2D AS b)) AS p")
    (worse,) = run(create.format(1_000_000))
    assert (worse.version, worse.is_champion) == (2, False)
    assert f"ALTER MODEL {name} SET ALIAS champion = 2" in worse.result
    assert run(f"SELECT predict('{name}', struct(1D AS a, 2D AS b)) AS p") == before


def test_a_failed_training_leaves_the_model_as_it_was(run, registry, table, name):
    run(f"CREATE MODEL {name} USING ridge OPTIONS (label = 'y') AS SELECT a, b, y FROM rows")
    with pytest.raises(ArithmeticException, match="Division by zero"):
        run(
            f"CREATE OR REPLACE MODEL {name} USING ridge OPTIONS (label = 'y') AS SELECT a / (a - a) AS a, b, y FROM rows"
        )
    assert [version.version for version in registry.list_versions(name)] == [1]


def test_an_existing_model_is_not_overwritten_by_chance(run, table, name, refusal):
    create = "USING ridge OPTIONS (label = 'y') AS SELECT a, b, y FROM rows"
    run(f"CREATE MODEL {name} {create}")
    assert f"model {name} exists: CREATE OR REPLACE MODEL adds a version" in refusal(f"CREATE MODEL {name} {create}")
    assert run(f"CREATE MODEL IF NOT EXISTS {name} {create}")[0].result == "exists, nothing was trained"


def test_the_delta_versions_that_were_read_are_kept(run, spark, registry, table, name):
    run("INSERT INTO rows SELECT * FROM rows LIMIT 1")
    run("CREATE VIEW of_rows AS SELECT rows.a, rows.b, rows.y FROM rows")
    run("CREATE TABLE other AS SELECT 1 AS one")
    run(f"CREATE MODEL {name} USING ridge OPTIONS (label = 'y') AS SELECT a, b, y FROM of_rows JOIN other")
    assert registry.resolve(name).data_versions == {"rows": 1, "other": 0}


def test_a_transform_is_part_of_the_model_and_applied_when_it_scores(run, spark, registry, frame, table, name, refusal):
    run(
        f"CREATE MODEL {name} USING ridge TRANSFORM (a * b AS ab, ln(abs(a) + 1) AS la, IF(up = 'up', 1, 0) AS u) "
        "OPTIONS (label = 'y', split = 0) AS SELECT a, b, up, y FROM rows"
    )
    version = registry.resolve(name)
    assert version.feature_names == ("ab", "la", "u")
    inputs = np.column_stack([frame.a * frame.b, np.log(np.abs(frame.a) + 1), frame.up == "up"]).astype(float)
    expected = load_scorer(version.folder, version.digest).predict(inputs)
    got = spark.table("rows").selectExpr("t", f"predict('{name}', struct(up, b, a)) AS p").orderBy("t").toPandas().p
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert "computes its features from up, which the struct given to predict lacks" in refusal(
        f"SELECT predict('{name}', struct(1D AS a, 2D AS b))"
    )


@pytest.mark.parametrize("expression", ["sum(a)", "rand()", "avg(a) OVER (ORDER BY b)", "(SELECT 1)"])
def test_a_transform_of_more_than_its_own_row_is_refused(table, name, expression, refusal):
    text = f"CREATE MODEL {name} USING ridge TRANSFORM ({expression} AS x) OPTIONS (label = 'y') AS SELECT a, b, y FROM rows"
    assert "TRANSFORM takes expressions of one row" in refusal(text)


def test_a_transform_cannot_read_the_label(table, name, refusal):
    text = f"CREATE MODEL {name} USING ridge TRANSFORM (y + 1 AS x) OPTIONS (label = 'y') AS SELECT a, b, y FROM rows"
    assert "`y` cannot be resolved" in refusal(text)


def test_a_struct_gives_its_fields_as_features(run, registry, table, name):
    run(f"CREATE MODEL {name} USING ridge OPTIONS (label = 'y') AS SELECT struct(a, b) AS features, y FROM rows")
    assert registry.resolve(name).feature_names == ("a", "b")


def test_rows_with_a_missing_feature_are_left_out_or_imputed(run, table, name):
    query = "SELECT IF(n = 1, NULL, a) AS a, b, y FROM rows"
    (dropped,) = run(f"CREATE MODEL {name} USING ridge OPTIONS (label = 'y', split = 0) AS {query}")
    (imputed,) = run(
        f"CREATE OR REPLACE MODEL {name} USING ridge OPTIONS (label = 'y', split = 0, null_policy = 'impute') AS {query}"
    )
    assert (imputed.n_train, dropped.n_train) == (N, run("SELECT count_if(n = 0) FROM rows")[0][0])
    assert run(f"SELECT predict('{name}/2', struct(CAST(NULL AS DOUBLE) AS a, 1D AS b)) IS NULL") == [(False,)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("USING rige OPTIONS (label = 'y') AS SELECT a, y FROM rows", "There is no model family 'rige'; choose one of ridge"),
        ("USING ridge OPTIONS (alpha = 1) AS SELECT a, y FROM rows", "say what to predict: OPTIONS (label = 'column')"),
        ("USING ridge OPTIONS (label = 'y', alfa = 1) AS SELECT a, y FROM rows", "ridge has no option 'alfa'; its options are alpha"),
        ("USING ridge OPTIONS (label = 'z') AS SELECT a, y FROM rows", "label = 'z' is no column of the query: it has a, y"),
        ("USING ridge OPTIONS (label = 'y', time = 'z') AS SELECT a, y FROM rows", "time = 'z' is no column of the query"),
        ("USING ridge OPTIONS (label = 'y', split = 0.5) AS SELECT a, y FROM rows", "split is the share of rows"),
        ("USING ridge OPTIONS (label = 'y', split = 'walk_forward') AS SELECT a, y FROM rows", "split = 'walk_forward' needs time = 'column'"),
        ("USING ridge OPTIONS (label = 'y', split = 'k_fold') AS SELECT a, y FROM rows", "0 to 0.4, or 'walk_forward' or 'purged_k_fold', got 'k_fold'"),
        ("USING ridge OPTIONS (label = 'y', folds = 3) AS SELECT a, y FROM rows", "folds needs split = 'walk_forward' or 'purged_k_fold'"),
        ("USING ridge OPTIONS (label = 'y', time = 't', split = 'purged_k_fold', folds = 1) AS SELECT a, y, t FROM rows", "Folds are at least 2, got 1"),
        ("USING ridge OPTIONS (label = 'y', time = 't', split = 'purged_k_fold', null_policy = 'impute') AS SELECT a, y, t FROM rows", "takes no null_policy = 'impute'"),
        ("USING ridge OPTIONS (label = 'y', leakage = 'no') AS SELECT a, y FROM rows", "leakage is warn, fail or off, got 'no'"),
        ("USING ridge OPTIONS (label = 'up') AS SELECT a, up FROM rows", "ridge cannot do classification; choose one of"),
        ("USING random_forest OPTIONS (label = 'n') AS SELECT a, n FROM rows", "say task = 'classification' or task = 'regression'"),
        ("USING ridge OPTIONS (label = 'y') AS SELECT a, up, y FROM rows", "column up is STRING, which is no feature"),
        ("USING ridge OPTIONS (label = 'y') AS SELECT a, b AS a, y FROM rows", "the query gives the feature a twice"),
        ("USING ridge OPTIONS (label = 'y') AS SELECT struct(a, y) AS f, y FROM rows", "y is a feature of the query and also its label"),
        ("USING ridge OPTIONS (label = 'y') AS SELECT y FROM rows", "the query has no feature beside label and time"),
        ("USING ridge OPTIONS (label = 'y') AS SELECT a, y FROM rows WHERE a > 99", "none of the 0 rows of the query has a label"),
        ("USING logistic OPTIONS (label = 'up') AS SELECT a, up FROM rows WHERE up = 'up'", "every label of the training part is up"),
        ("USING ridge OPTIONS (label = 'y', alpha = -1) AS SELECT a, y FROM rows", "ridge refuses an option"),
        ("USING lstm OPTIONS (label = 'y', sequence_length = 3) AS SELECT a, y FROM rows", "learns from one ARRAY of STRUCTs"),
        ("USING ridge OPTIONS (label = 'y', alpha = 1, trials = 3) AS SELECT a, y FROM rows", "Tuning has no option of ridge left to search"),
        ("USING ridge OPTIONS (label = 'y', horizon_seconds = 60) AS SELECT a, y FROM rows", "horizon_seconds needs time"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_in_one_sentence(table, name, text, sentence, refusal):
    assert sentence in refusal(f"CREATE MODEL {name} {text}")


def test_explain_trains_nothing(run, registry, table, name):
    ((plan,),) = run(f"EXPLAIN CREATE MODEL {name} USING ridge OPTIONS (label = 'y') AS SELECT a, b, y FROM rows")
    assert "CreateModel" in plan
    assert name not in registry.list_models()


def test_parameters_are_bound_in_the_query(run, spark, table, name):
    text = (
        f"CREATE MODEL {name} USING ridge OPTIONS (label = 'y', split = 0) AS SELECT a, b, y FROM rows WHERE up = :up"
    )
    (row,) = spark.sql(text, args={"up": "up"}).collect()
    assert row.n_train == run("SELECT count_if(up = 'up') FROM rows")[0][0]


def test_the_metrics_of_a_regressor_are_scikit_learns_and_stand_beside_naive_predictions(
    run, spark, frame, table, name
):
    run(f"CREATE MODEL {name} USING random_forest OPTIONS (label = 'y', time = 't') AS SELECT a, b, y, t FROM rows")
    rows = {row.predictor: row for row in run(f"EVALUATE MODEL {name} ON (SELECT a, b, y FROM rows)")}
    predicted = spark.table("rows").selectExpr("t", f"predict('{name}', struct(*)) AS p").orderBy("t").toPandas().p
    assert rows[f"{name}/1"].mse == pytest.approx(mean_squared_error(frame.y, predicted))
    assert rows["zero"].mse == pytest.approx(float((frame.y**2).mean()))
    assert rows["training mean"].mse == pytest.approx(float(((frame.y - frame.y[:300].mean()) ** 2).mean()))
    assert list(rows) == [f"{name}/1", "zero", "training mean"]


def test_the_measured_coverage_is_within_two_points_of_the_nominal(run, spark, schema, name):
    random = np.random.default_rng(5)
    many = pd.DataFrame(random.normal(size=(12_000, 2)), columns=["a", "b"])
    many["y"] = many.a + random.standard_t(4, size=len(many))
    spark.createDataFrame(many).write.saveAsTable("many")
    run(
        f"CREATE MODEL {name} USING ridge OPTIONS (label = 'y', split = 0.3) AS SELECT a, b, y FROM many WHERE abs(hash(a)) % 2 = 0"
    )
    row = run(f"EVALUATE MODEL {name} ON (SELECT * FROM many WHERE abs(hash(a)) % 2 = 1)")[0]
    assert abs(row.coverage - 0.9) < 0.02


def test_the_metrics_of_a_classifier_are_scikit_learns(run, spark, frame, table, name):
    run(f"CREATE MODEL {name} USING logistic OPTIONS (label = 'up', split = 0) AS SELECT a, b, up FROM rows")
    row = run(f"EVALUATE MODEL {name} ON (SELECT a, b, up FROM rows)")[0]
    scored = (
        spark.table("rows")
        .selectExpr(
            "up", f"predict('{name}', struct(a, b)) AS c", f"predict_probability('{name}', struct(a, b), 'up') AS p"
        )
        .toPandas()
    )
    assert row.accuracy == pytest.approx(accuracy_score(scored.up, scored.c))
    assert row.auc == pytest.approx(roc_auc_score(scored.up == "up", scored.p))
    assert row.log_loss == pytest.approx(log_loss(scored.up, np.column_stack([1 - scored.p, scored.p])))


def test_rows_without_an_answer_are_counted_and_left_out(run, table, name):
    run(f"CREATE MODEL {name} USING ridge OPTIONS (label = 'y') AS SELECT a, b, y FROM rows")
    row = run(f"EVALUATE MODEL {name} ON (SELECT IF(a > 1, NULL, a) AS a, b, y FROM rows)")[0]
    n_bad = run("SELECT count_if(a > 1) FROM rows")[0][0]
    assert (row.n_bad, row.n_rows) == (n_bad, N - n_bad)


def test_a_sequence_model_learns_from_arrays_oldest_first(run, spark, registry, table, name):
    pytest.importorskip("tensorflow")
    steps = "collect_list(struct(a, b)) OVER (ORDER BY t ROWS 2 PRECEDING) AS steps"
    (row,) = run(
        f"CREATE MODEL {name} USING lstm OPTIONS (label = 'y', time = 't', sequence_length = 3, epochs = 1) "
        f"AS SELECT {steps}, y, t FROM rows"
    )
    assert row.n_train + row.n_validation + row.n_test == N - 2
    assert registry.resolve(name).feature_names == ("a", "b")
    evaluated = run(f"EVALUATE MODEL {name} ON (SELECT {steps}, y FROM rows)")[0]
    assert (evaluated.n_rows, evaluated.n_bad) == (N - 2, 2)


def test_trials_are_scored_within_the_training_rows_and_seen_in_sql(run, registry, table, name):
    create = (
        f"CREATE OR REPLACE MODEL {name} USING decision_tree OPTIONS (label = 'y', time = 't', trials = 4, max_depth = 3) "
        "AS SELECT a, b, y, t FROM rows"
    )
    (row,) = run(create)
    assert (row.n_train, row.n_validation, row.n_test) == (300, 100, 100)
    trials = run(f"SELECT trial, options, error, is_best, state FROM trials WHERE model = '{name}' ORDER BY trial")
    assert [trial.trial for trial in trials] == [0, 1, 2, 3]
    assert [trial.error for trial in trials if trial.is_best] == [min(trial.error for trial in trials)]
    best = next(json.loads(trial.options) for trial in trials if trial.is_best)
    assert registry.resolve(name).options == best
    assert best["max_depth"] == 3
    assert row.result == "trained, and champion; the best of 4 settings, chosen on training rows"
    told = {found.property: found.value for found in run(f"DESCRIBE MODEL {name}")}
    assert (told["search.n_trials"], told["search.n_given_up"]) == ("4", "0")
    assert float(told["search.default_error"]) == pytest.approx(trials[0].error, rel=1e-5)
    assert float(told["search.best_error"]) == pytest.approx(min(trial.error for trial in trials), rel=1e-5)
    assert float(told["test.rmse"]) == pytest.approx(row.test, rel=1e-5)
    assert run(create)[0].result == "unchanged: same settings and data as this version"


def test_a_trial_is_fitted_before_the_border_and_scored_after_it():
    times = np.arange(100) * 60_000_000
    fitted, scored = inner_parts(np.arange(80), times, reach=5 * 60_000_000)
    # Three quarters of 80 minutes: scored from minute 60 (the quantile lies between 59 and 60); a label of 5 minutes ends before.
    assert (fitted.max(), scored.min(), scored.max()) == (54, 60, 79)
    by_chance = inner_parts(np.arange(80), None, reach=0)
    assert [len(part) for part in by_chance] == [60, 20]
    assert sorted(np.concatenate(by_chance)) == list(range(80))


def test_a_name_that_differs_in_case_only_is_refused(run, table, name, refusal):
    run(f"CREATE MODEL {name} USING ridge OPTIONS (label = 'y') AS SELECT a, b, y FROM rows")
    sentence = f"There is a model '{name}', and '{name.upper()}' differs from it in case only."
    assert sentence in refusal(
        f"CREATE MODEL {name.upper()} USING ridge OPTIONS (label = 'y') AS SELECT a, b, y FROM rows"
    )


def test_a_champion_that_lacks_a_class_gives_way(run, table, name):
    create = f"CREATE OR REPLACE MODEL {name} USING logistic OPTIONS (label = 'side', time = 't') AS SELECT a, b, t, {{}} AS side FROM rows"
    run(create.format("up"))
    assert run(create.format("IF(abs(y) < 1, 'flat', up)"))[0].is_champion


def test_option_names_may_be_quoted(run, table, name):
    run(f"CREATE MODEL {name} USING ridge OPTIONS ('label' = 'y', `alpha` = 2) AS SELECT a, b, y FROM rows")
