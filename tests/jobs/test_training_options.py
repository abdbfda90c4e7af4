"""Options of CREATE MODEL: docs/models.md tells of each."""

import re
from pathlib import Path

from jobs.statements.training_options import OUR_OPTIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"


def test_the_page_tells_of_each_option():
    table = PAGE.read_text(encoding="utf-8").partition("| option |")[2].partition("\n\n")[0]
    first_cells = "".join(line.split("|")[1] for line in table.splitlines()[2:])
    assert set(re.findall("`([a-z_]+)`", first_cells)) == set(OUR_OPTIONS)
