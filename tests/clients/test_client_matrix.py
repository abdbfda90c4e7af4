"""What an analyst types gives the same in every client: Python, a new session, spark-sql, the server's shell, beeline, Connect."""

import itertools

import pytest

_numbers = itertools.count(1)


def predicted(client, model):
    query = f"SELECT id, CAST(predict('{model}', features) AS STRING) FROM samples ORDER BY id"
    return {int(number): value and float(value) for number, value in client.rows(query)}


def test_a_prediction_is_that_of_the_model_and_null_where_a_feature_is(client, models_by_version):
    for version, model in models_by_version.items():
        answers = predicted(client, f"slope/{version}")
        assert answers == {
            1: pytest.approx(model([[1.0, 2.0]]), rel=1e-12),
            2: None,
            3: pytest.approx(model([[5.0, 6.0]]), rel=1e-12),
        }


def test_the_current_schema_is_that_of_the_configuration(client):
    assert client.rows("SELECT current_schema()") == [("clients",)]


def test_a_persistent_view_of_another_client_predicts(client, models_by_version):
    query = "SELECT CAST(prediction AS STRING) FROM predicted WHERE id = 1"
    assert float(client.rows(query)[0][0]) == pytest.approx(models_by_version[1]([[1.0, 2.0]]), rel=1e-12)


def test_a_promotion_is_seen_by_the_next_query_and_by_the_view(client, prepared, models_by_version):
    one_row = "SELECT CAST(prediction AS STRING) FROM predicted WHERE id = 1"
    try:
        for version in (2, 1, 2):
            prepared.set_alias("slope", "champion", version)
            of_version = pytest.approx(models_by_version[version]([[1.0, 2.0]]), rel=1e-12)
            assert predicted(client, "slope@champion")[1] == of_version
            assert float(client.rows(one_row)[0][0]) == of_version
    finally:
        prepared.set_alias("slope", "champion", 1)


def test_a_table_of_predictions_made_here_is_read_by_another_client(client, session_client):
    name = f"made_{next(_numbers)}"
    client.rows(f"CREATE TABLE {name} AS SELECT id, predict('slope', features) AS p FROM samples")
    assert session_client.rows(f"SELECT count(*), count(p) FROM {name}") == [("3", "2")]


def test_an_unknown_model_is_one_short_sentence_with_near_names(client):
    message = client.error("SELECT predict('slopee', features) FROM samples")
    assert "There is no model 'slopee'" in message
    assert "slope" in message.replace("slopee", "")
    assert len(message.splitlines()) <= 5
    assert "\tat " not in message
    assert "JVM stacktrace" not in message


def test_the_statements_train_show_and_drop_a_model(client):
    name = f"trained_{next(_numbers)}"
    client.rows(
        f"CREATE MODEL {name} USING ridge OPTIONS (label = 'y', split = 0, alpha = 0.001) AS "
        "SELECT CAST(id AS DOUBLE) AS a, CAST(id * id % 7 AS DOUBLE) AS b, CAST(2 * id AS DOUBLE) AS y FROM range(50)"
    )
    assert name in [row[0] for row in client.rows("SHOW MODELS")]
    ((answer,),) = client.rows(f"SELECT CAST(predict('{name}', named_struct('b', 2D, 'a', 10D)) AS STRING)")
    assert float(answer) == pytest.approx(20, abs=0.1)
    client.rows(f"DROP MODEL {name}")
    assert name not in [row[0] for row in client.rows("SHOW MODELS")]
