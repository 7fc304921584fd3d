import pytest

from qmri.cli import COMMANDS, EXIT_REFUSED, main


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 8


def test_an_unknown_option_is_named(capsys):
    with pytest.raises(SystemExit) as end:
        main(["fit", "folder", "--out", "x", "--fat-modle", "ren9"])
    assert end.value.code == 2
    assert "--fat-modle" in capsys.readouterr().err


def test_a_refusal_is_a_message_and_a_status(tmp_path, capsys):
    assert main(["run", str(tmp_path / "study.csv")]) == EXIT_REFUSED
    message = capsys.readouterr().err
    assert message.startswith("qmri run: there is no study sheet")
    assert "Traceback" not in message


@pytest.mark.parametrize("verb", ["ingest", "fit", "segment", "measure", "report"])
def test_a_verb_alone_says_both_ways_in_which_it_is_called(verb, capsys):
    assert main([verb]) == 1
    told = capsys.readouterr().err
    assert "--exam" in told
    assert told.startswith(f"qmri {verb}: ")
