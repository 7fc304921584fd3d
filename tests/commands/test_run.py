"""What qmri run hands to Snakemake."""

import argparse
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake.cli import get_argument_parser, parse_config

from qmri.commands.run import TELLING, snakefile, snakemake_command, usable_memory_mb


def command(*rest, cores=None, config=None):
    options = argparse.Namespace(
        study=Path("study.csv"), out=Path("out").resolve(), cores=cores, config=config, rest=list(rest)
    )
    return " ".join(snakemake_command(options))


def test_all_cores_and_the_free_memory_are_the_bounds_of_a_run_here():
    told = command()
    assert "--cores all" in told
    assert "--resources mem_mb=" in told


def test_the_usable_memory_is_less_than_the_machine_has():
    assert 100 < usable_memory_mb() < 1e-6 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_a_cluster_is_not_bound_by_the_memory_of_the_login_node():
    told = command("--profile", "slurm")
    assert "mem_mb" not in told
    assert "--cores" not in told


def test_a_shipped_profile_is_known_by_name_and_a_users_own_wins(tmp_path, monkeypatch):
    assert str(snakefile().parent / "profiles" / "slurm") in command("--profile", "slurm")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slurm").mkdir()
    assert "--profile slurm" in command("--profile", "slurm")


def test_targets_stand_before_options_that_take_several_words():
    words = command("sub-1/ses-a/report/sub-1_ses-a_report.json")
    assert words.index("report.json") < min(words.index(name) for name in ("--config ", "--resources "))


def test_limits_of_the_user_win():
    assert command("--resources", "mem_mb=3000").count("mem_mb") == 1
    assert "--cores 3" in command(cores="3")


@pytest.mark.parametrize(
    "word", ["-n", "--dry-run", "--dryrun", "--lint", "--report", "--list-rules", "--dag"]
)
def test_questions_are_told_from_runs(word):
    assert TELLING.fullmatch(word)


@pytest.mark.parametrize("word", ["--until", "--forceall", "-F", "--retries", "--profile", "--notemp"])
def test_runs_are_told_from_questions(word):
    assert not TELLING.fullmatch(word)


ODD = st.text(
    st.sampled_from(" #:'\"[]{}(),&*!|>%@`$\\~=-?.0aé患🦴\x7f\x85\t\n\u2028")
    | st.characters(exclude_characters="/\0", codec="utf-8"),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in (".", ".."))


@settings(deadline=None, max_examples=60)
@given(sheet=ODD, out=ODD)
def test_any_name_reaches_snakemake_as_it_is(sheet, out):
    options = argparse.Namespace(
        study=Path("/data") / sheet, out=Path("/data") / out, cores=None, config=None, rest=["--dry-run"]
    )
    parsed = get_argument_parser().parse_args(snakemake_command(options))
    assert parse_config(parsed.config) == {"study": f"/data/{sheet}", "out": f"/data/{out}"}
    assert parsed.directory == Path("/data") / out
    assert parsed.dryrun
