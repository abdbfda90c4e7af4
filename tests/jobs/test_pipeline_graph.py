"""The steps of a pipeline file: how they are written, their order, and the choice of some of them."""

import pytest
import yaml

from jobs.config import Config, load_config
from jobs.pipeline_graph import chosen_steps
from models.errors import UsageError


@pytest.fixture
def load(tmp_path):
    """``load(text)`` gives the ordered steps of a foretable.yml."""

    def read(text):
        file = tmp_path / "foretable.yml"
        file.write_text(text)
        return chosen_steps(load_config(file, {}, {}).steps)

    return read


def graph(**needs):
    """Steps that need others, in the order of the arguments."""
    return Config(steps={name: {"job": "report", "needs": list(needed)} for name, needed in needs.items()}).steps


def names(steps):
    return [step.name for step in steps]


def test_without_the_key_the_five_steps_follow_each_other(load):
    steps = load("")
    assert names(steps) == ["ingest", "resample", "normalize", "train", "score"]
    assert [step.needs for step in steps] == [(), ("ingest",), ("resample",), ("normalize",), ("train",)]


@pytest.mark.parametrize(
    "text",
    [
        "steps: [resample, {name: daily, job: sql, query: SELECT 1, needs: []}, {job: report, needs: daily}]",
        "steps: {resample: , daily: {job: sql, query: SELECT 1, needs: []}, report: {needs: [daily]}}",
        "steps: {resample: {}, daily: {job: sql, query: SELECT 1, needs: []}, report: report}",
    ],
)
def test_a_list_and_a_mapping_say_the_same(load, text):
    steps = load(text)
    assert [(s.name, s.job, s.needs) for s in steps] == [
        ("resample", "resample", ()), ("daily", "sql", ()), ("report", "report", ("daily",)),
    ]  # fmt: skip


def test_the_file_of_a_sql_step_counts_from_the_configuration(load, tmp_path):
    (step,) = load("steps: [{job: sql, file: sql/daily.sql}]")
    assert step.file == str(tmp_path / "sql" / "daily.sql")


def test_a_step_comes_after_all_that_it_needs_and_else_stays_where_it_is():
    assert names(chosen_steps(graph(d="bc", b="a", a="", c="", e="a"))) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("steps: [ingst]", "steps.0.job: there is no job ingst: take ingest, "),
        ("steps: {a: {job: report, needs: [bb]}, b: report}", "the step a needs bb, which is no step: there are b, a"),
        ("steps: {a: {job: report, needs: [a]}}", "need each other in a circle: a needs a"),
        ("steps: [ingest, ingest]", "two steps are named ingest"),
        ("steps: []", "steps is empty"),
        ("steps: 5", "steps must be a list or a mapping of steps, got a int"),
        ("steps: [5]", "a step is a word or a mapping with job and needs, got 5"),
        ("steps: [{needs: []}]", "names no job"),
        ("steps: [{job: sql}]", "the sql step sql takes either file or query"),
        ("steps: [{job: sql, file: a, query: b}]", "the sql step sql takes either file or query"),
        ("steps: [{job: score, table: a}]", "table is for sql steps, and score is a score"),
        ("steps: [{job: score, retries: -1}]", "steps.0.retries: "),
        ("steps: [{job: score, timeout_seconds: 0}]", "steps.0.timeout_seconds: "),
        ("steps: [{job: score, retry: 1}]", "steps.0.retry: is not a known key"),
    ],
)
def test_a_mistake_is_one_sentence(load, text, sentence):
    with pytest.raises(UsageError) as error:
        load(text)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_circle_is_named_without_what_leads_to_it():
    with pytest.raises(UsageError, match=r"in a circle: b needs c needs d needs b$"):
        graph(a="b", b="c", c="d", d="b", e="")


def test_from_takes_a_step_and_all_that_need_it():
    steps = graph(a="", b="a", c="b", other="", last=["c", "other"])
    assert names(chosen_steps(steps, first="b")) == ["b", "c", "last"]
    assert names(chosen_steps(steps, first="other")) == ["other", "last"]


def test_only_takes_these_steps_in_their_order():
    assert names(chosen_steps(graph(a="", b="a", c="b"), only=["c", "a"])) == ["a", "c"]


@pytest.mark.parametrize("choice", [{"first": "resmple"}, {"only": ["score", "resmple"]}])
def test_an_unknown_step_is_refused_with_near_names(choice):
    with pytest.raises(UsageError, match="there is no step resmple: there are resample, "):
        chosen_steps(Config().steps, **choice)


def test_from_and_only_exclude_each_other():
    with pytest.raises(UsageError, match="--from or --only, not both"):
        chosen_steps(Config().steps, "score", ["score"])


def test_steps_survive_a_copy_of_the_configuration():
    config = Config(steps=yaml.safe_load("[ingest, score]"))
    assert Config(steps=config.steps).steps == config.steps
