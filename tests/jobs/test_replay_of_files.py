"""Books from files as they lie: any spread of events over files gives the rows of a replay in order."""

from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from book_groups import KEY, events, from_nothing, group_table, options_of, states_of

from jobs import replay_plan
from jobs.book.book_rows import GROUP_KEY, rows_by_book
from jobs.book.event_files import content_of_file
from jobs.book.keyed_replay import GROUP_SCHEMA
from jobs.book.replay_files import replay_files
from jobs.replay_plan import Content, plan_replays


def by_time(*books):
    return sorted((row for book in books for row in book), key=lambda row: row["event_time"])


def write(folder, rows, cuts, group_rows=17):
    """Files with the rows between the cuts, named so that no order of names is that of time."""
    paths = []
    for number, (first, end) in enumerate(zip([0, *cuts], [*cuts, len(rows)], strict=True)):
        paths.append(str(folder / f"{(number * 7919) % 101:03d}.parquet"))
        pq.write_table(group_table(rows[first:end]).drop(["saved_book"]), paths[-1], row_group_size=group_rows)
    return sorted(paths)


def contents_of(paths):
    return [Content(**row) for path in paths for row in content_of_file(path).to_pylist()]


def wanted_of(rows, after=()):
    return {tuple(row[name] for name in GROUP_KEY): None for row in rows} | dict(after)


def replayed(tasks, saved=()):
    batches = [batch for task in tasks for batch in replay_files(task, dict(saved), options_of)]
    rows = pa.Table.from_batches(batches, schema=GROUP_SCHEMA).to_pylist()
    return in_key_order(rows)


def in_key_order(rows):
    return sorted(rows, key=lambda row: (*(row[name] for name in KEY), row["saved_book"] is not None))


def books(n, seed=0):
    random = Random(seed)
    return [
        events(
            seed + at,
            symbol=random.choice("ABC") + str(at),
            exchange=random.choice(["x", "y"]),
            n=random.randint(1, 90),
        )
        for at in range(n)
    ]


@pytest.mark.parametrize("n_tasks", [1, 2, 7])
@pytest.mark.parametrize("seed", range(8))
def test_any_files_in_the_order_of_time_give_the_rows_of_a_replay(tmp_path, seed, n_tasks):
    random = Random(seed)
    rows = by_time(*books(random.randint(1, 9), 100 * seed))
    cuts = sorted(random.sample(range(len(rows)), min(len(rows), 4)))
    paths = write(tmp_path, rows, cuts, random.randint(1, 60))
    tasks = plan_replays(contents_of(paths), wanted_of(rows), n_tasks)
    assert 1 <= len(tasks) <= n_tasks
    assert replayed(tasks) == in_key_order(from_nothing(rows))


def test_rows_of_a_row_group_may_lie_in_any_order(tmp_path):
    rows = by_time(*books(3))
    Random(1).shuffle(rows)
    (path,) = write(tmp_path, rows, [], group_rows=len(rows))
    assert replayed(plan_replays(contents_of([path]), wanted_of(rows), 2)) == in_key_order(from_nothing(rows))


def test_books_go_on_from_what_was_saved_and_read_only_what_came_later(tmp_path):
    rows = by_time(events(1, "A"), events(2, "B"), events(3, "C"))
    paths = write(tmp_path, rows, [150, 250], group_rows=40)
    whole = in_key_order(from_nothing(rows))
    saved = {row[:3]: row for row in states_of(whole) if row[1] != "C" and row[3] != 119}
    after = {key: row[3] for key, row in saved.items()}
    tasks = plan_replays(contents_of(paths), wanted_of(rows, after), 1)
    # a saved book is told again where the next event is of another day
    later = [
        row
        for row in whole
        if row["sequence"] + (row["saved_book"] is not None) > after.get(tuple(row[name] for name in GROUP_KEY), -1)
    ]
    assert replayed(tasks, {key: row[4] for key, row in saved.items()}) == later
    only_late = plan_replays(contents_of(paths), {("x", "A", 0): 118}, 1)
    assert [piece.n_rows for task in only_late for piece in task.pieces] == [30]


def test_a_book_without_later_events_is_saved_as_it_was(tmp_path):
    rows = events(1, "A")
    *_, last = states_of(from_nothing(rows))
    paths = write(tmp_path, rows, [])
    tasks = plan_replays(contents_of(paths), {last[:3]: last[3]}, 2)
    assert states_of(replayed(tasks, {last[:3]: last[4]})) == [last]
    assert replayed(plan_replays([], {("x", "gone", 0): None}, 2)) == []


def content(path, symbol, first, last, n_rows=10, is_ascending=True, number=0):
    return Content(path, number, n_rows, "x", symbol, 0, last - first + 1, first, last, is_ascending)


A, B = ("x", "A", 0), ("x", "B", 0)


@pytest.mark.parametrize(
    "contents",
    [
        [content("1", "A", 1, 10), content("2", "A", 10, 20)],
        [content("1", "A", 1, 10), content("2", "A", 5, 6)],
        # A wants file 1 before 2, B wants 2 before 1
        [content("1", "A", 1, 5), content("2", "A", 6, 9), content("2", "B", 1, 5), content("1", "B", 6, 9)],
        [content("1", "A", 1, 5, n_rows=replay_plan._MOST_SORTED + 1, is_ascending=False)],
    ],
)
def test_events_that_cross_between_files_are_left_to_be_sorted(contents):
    assert plan_replays(contents, {A: None, B: None}, 2) is None


def test_what_crosses_before_the_saved_books_does_not_matter():
    contents = [content("1", "A", 1, 10), content("2", "A", 5, 6), content("3", "A", 11, 20)]
    (task,) = plan_replays(contents, {A: 10}, 2)
    assert [piece.path for piece in task.pieces] == ["3"]


def test_tasks_have_about_as_many_events_and_read_no_file_too_often():
    symbols = [f"S{number}" for number in range(40)]
    apart = [content(symbol, symbol, 1, 100 + 10 * at) for at, symbol in enumerate(symbols)]
    tasks = plan_replays(apart, {one.key: None for one in apart}, 4)
    events_by_task = [sum(one.n_events for one in apart if one.key in {b.key for b in task.books}) for task in tasks]
    assert len(tasks) == 4
    assert max(events_by_task) < 1.1 * min(events_by_task)
    together = [content("1", symbol, 1, 10, n_rows=400) for symbol in symbols]
    assert len(plan_replays(together, {one.key: None for one in together}, 32)) == 8
    assert len(plan_replays(together[:1], {together[0].key: None}, 32)) == 1


def test_rows_by_book_are_those_of_each_key_in_their_order():
    keys = [("x", "A", 0), ("x", "B", 0), ("x", "A", 0), ("y", "A", 0), ("x", "A", -5), ("x", "B", 0)]
    batch = pa.RecordBatch.from_pylist([dict(zip(GROUP_KEY, key, strict=True)) for key in keys])
    expected = [(("x", "A", 0), [0, 2]), (("x", "B", 0), [1, 5]), (("y", "A", 0), [3]), (("x", "A", -5), [4])]
    assert [(key, rows.tolist()) for key, rows in rows_by_book(batch)] == expected
    assert list(rows_by_book(batch.slice(0, 0))) == []
    assert [(key, rows.tolist()) for key, rows in rows_by_book(batch.slice(3, 1))] == [(("y", "A", 0), [0])]
