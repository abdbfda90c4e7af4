"""A home of its own with a small market for the harness, worker processes on it, and a place for its figures."""

import shutil
from pathlib import Path

import pytest
import yaml
from chains import JOBS, MODEL, PIECES, SETTINGS, Chain
from processes import Pool
from states import States

FIGURES = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[FIGURES] = []


def pytest_terminal_summary(terminalreporter, config):
    if figures := config.stash[FIGURES]:
        terminalreporter.section("figures of the harness")
        for line in figures:
            terminalreporter.write_line(line)


@pytest.fixture
def figure(request):
    """Say a figure; all of them stand at the end of the test run."""
    return request.config.stash[FIGURES].append


@pytest.fixture
def progress(request):
    """Say at once how far a long case is."""
    return request.config.pluginmanager.get_plugin("terminalreporter").write_line


@pytest.fixture(scope="session")
def torture_home(tmp_path_factory):
    """Home of the workers, with the jars from the user's cache."""
    folder = tmp_path_factory.mktemp("torture")
    jars = Path.home() / ".foretable" / "jars"
    jars.mkdir(parents=True, exist_ok=True)
    (folder / "jars").symlink_to(jars)
    return folder


@pytest.fixture(scope="session")
def pool(torture_home):
    """Worker processes on that home."""
    workers = Pool(torture_home)
    yield workers
    workers.close()


@pytest.fixture(scope="session")
def states(torture_home):
    """What the schemas and the registry of that home hold."""
    return States(torture_home)


@pytest.fixture(scope="session")
def pieces(tmp_path_factory):
    """Five files of 20 minutes of a market with faults of every kind."""
    from jobs.simulator.faults import Faults
    from jobs.simulator.market import Market
    from jobs.simulator.simulation import simulate

    folder = tmp_path_factory.mktemp("market")
    faults = Faults(gap_share=0.002, duplicate_share=0.005, disorder_share=0.005, malformed_share=0.003)
    market = Market(duration_seconds=1_200, signal_strength=2.0, seed=5)
    (whole,) = simulate(market, folder, faults, is_compressed=False).files
    lines = whole.read_bytes().splitlines(keepends=True)
    ends = [int(share * len(lines)) for share in PIECES]
    files = []
    for number, (start, end) in enumerate(zip([0, *ends], ends, strict=False), start=1):
        files.append(folder / f"part_{number}.jsonl")
        files[-1].write_bytes(b"".join(lines[start:end]))
    return files


@pytest.fixture(scope="session")
def configure(tmp_path_factory):
    """Write a foretable.yml over files; returns the words that name it on the command line."""

    def write(name, files, **options):
        folder = tmp_path_factory.mktemp(name)
        (folder / "files").mkdir()
        for file in files:
            shutil.copy(file, folder / "files")
        source = {"path": str(folder / "files"), "format": "coinbase_full", "exchange": "simulated"}
        model = {"name": MODEL, "family": "ridge", "label": "return_30s", "options": options}
        (folder / "foretable.yml").write_text(yaml.safe_dump({**SETTINGS, "sources": [source], "models": [model]}))
        return ["--config", str(folder / "foretable.yml")]

    return write


@pytest.fixture(scope="session")
def command(torture_home):
    """Words of one job's command."""

    def words(settings, schema, job):
        return [*settings, "--home", str(torture_home), "--schema", schema, job]

    return words


@pytest.fixture(scope="session")
def chain(pool, states, pieces, configure, command, torture_home):
    """Every job once over the first file, after each other."""
    unbroken = Chain("ta_unbroken", configure("first", pieces[:1]))
    worker = pool.take()
    worker.run(schema=unbroken.schema, home=str(torture_home))
    states.copy(unbroken.schema, "ta_empty")
    states.keep_models("ta_untrained")
    unbroken.published["nothing"] = states.published(unbroken.schema)
    for job in JOBS:
        unbroken.seconds[job] = unbroken.run(worker, command(unbroken.settings, unbroken.schema, job))
        unbroken.published[job] = states.published(unbroken.schema)
        unbroken.newest[job] = states.newest(unbroken.schema)
        assert unbroken.published[job] == unbroken.newest[job]
    unbroken.whole = states.whole(unbroken.schema, MODEL)
    states.keep_models("ta_trained")
    pool.give_back(worker)
    return unbroken


@pytest.fixture(scope="session")
def staggered(pool, states, chain, pieces, configure, command):
    """A schema in which every job has something to do: each is one file behind the one before it."""
    last = Chain("ta_staggered", configure("fifth", pieces, alpha=1_000.0))  # another model than the first: to train
    states.copy(chain.schema, last.schema)
    states.restore_models("ta_trained")
    worker = pool.take()
    for n_files, jobs in ((2, JOBS[:4]), (3, JOBS[:3]), (4, JOBS[:1])):
        settings = configure(f"part_{n_files}", pieces[:n_files])
        for job in jobs:
            last.run(worker, command(settings, last.schema, job))
    states.keep_models("ta_staggered")
    pool.give_back(worker)
    return last
