"""Which files of the home's folder of networks are taken, and which are refused."""

import pytest

from jobs.network_files import network_source
from models.errors import UsageError


@pytest.fixture
def folder(tmp_path):
    """A folder with one network that is the user's own."""
    (tmp_path / "towers.py").write_text("def layers(): ...")
    (tmp_path / "towers.py").chmod(0o644)
    tmp_path.chmod(0o700)
    return tmp_path


def test_the_text_of_the_named_file_is_read(folder):
    assert network_source("keras", {"network": "towers"}, folder) == "def layers(): ..."


def test_other_families_need_no_file(tmp_path):
    assert network_source("ridge", {}, tmp_path / "nowhere") is None


@pytest.mark.parametrize("name", [None, 3, "../towers", "towers.py", "/etc/passwd", "Towers", ""])
def test_only_the_plain_name_of_a_file_of_the_folder_is_taken(folder, name):
    with pytest.raises(UsageError, match=r"keras takes network as the name of a file in .*, such as 'towers'"):
        network_source("keras", {"network": name}, folder)


def test_a_file_that_is_not_there_is_told_with_those_that_are(folder):
    with pytest.raises(UsageError, match=r"tower\.py is not there \(there are towers\): it holds def layers"):
        network_source("keras", {"network": "tower"}, folder)
    with pytest.raises(UsageError, match=r"is not there \(there is none yet\)"):
        network_source("keras", {"network": "towers"}, folder / "nowhere")


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_file_that_others_may_write_is_not_run(folder, mode):
    (folder / "towers.py").chmod(mode)
    with pytest.raises(UsageError, match=r"towers\.py can be written by others, and would be run: chmod go-w"):
        network_source("keras", {"network": "towers"}, folder)


def test_nor_is_one_in_a_folder_that_others_may_write(folder):
    folder.chmod(0o777)
    with pytest.raises(UsageError, match="can be written by others"):
        network_source("keras", {"network": "towers"}, folder)
