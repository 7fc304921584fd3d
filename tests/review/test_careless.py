"""What careless readers, other programs and a full disk do to a review: no word is lost, none is made up."""

import json
import socket
import threading

import numpy as np
import pytest
from review_desk import EXAM, HOME, decide, recorded, saved
from starlette.testclient import TestClient

from qmri.commands.review import find_sheet
from qmri.errors import QmriError
from qmri.images.nifti import Volume, read_volume, write_volume
from qmri.outputs import exam_directory
from qmri.pipeline.reading.corrections import correction_path, saved_correction
from qmri.pipeline.reading.notes import read_note, read_unusable, unusable_path
from qmri.pipeline.reading.readings import log_path, read_readings
from qmri.pipeline.reading.worklist import make_worklist
from qmri.pipeline.records.provenance import sha256
from qmri.review.guard import Door
from qmri.review.second.blinded_desk import SecondDesk
from qmri.review.server import bind, make_app
from qmri.spine.levels import LEVEL_ID

pytestmark = pytest.mark.slow


def told_of(reader):
    return reader.get(f"/api/exam/{EXAM}").json()


def state(desk):
    return make_worklist(desk.results, [EXAM])[0].state


def without(desk, level, path):
    """Save the recorded labels without a level, as another program would."""
    volume = read_volume(exam_directory(desk.results, EXAM, "segment") / f"{EXAM}_dseg.nii.gz")
    labels = np.where(volume.data == LEVEL_ID[level], 0, volume.data)
    write_volume(path, Volume(labels, volume.affine), dtype=np.int16)


# --- the log


def test_what_is_logged_at_the_same_time_is_all_there(desk):
    def comment(who):
        for number in range(15):
            desk.log(EXAM, "comment", detail=f"{who}-{number}")

    threads = [threading.Thread(target=comment, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = {reading.detail for reading in read_readings(desk.results)}
    assert said == {f"{who}-{number}" for who in range(8) for number in range(15)}


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30", "-", "@SUM(A1)", "'=1", "<img src=x>", 'a, "b"', "é" * 500]
)
def test_words_are_kept_as_they_are_and_no_cell_is_a_formula(reader, desk, text):
    decide(reader, "comment", text=text)
    decide(reader, "not_usable", text=text)
    assert [each.detail for each in read_readings(desk.results)] == [text, text]
    cells = [line.split(",")[6] for line in log_path(desk.results).read_text().splitlines()]
    assert not any(cell[:1] in "=+-@" for cell in cells if cell)


def test_a_reason_is_one_line_wherever_it_goes(reader, desk):
    decide(reader, "not_usable", text=" motion\nin\tall\x00 echoes\u2028")
    note = read_unusable(exam_directory(desk.results, EXAM, "segment"), EXAM)
    assert note.Reason == "motion in all echoes"


# --- what counts


def test_a_confirmation_that_was_taken_back_is_no_tick(reader, desk):
    decide(reader, "confirm")
    assert state(desk) == "done"
    assert decide(reader, "undo")["row"]["state"] != "done"
    decide(reader, "confirm")
    decide(reader, "shift", shift=-1)
    decide(reader, "shift", shift=1)  # the labels that were confirmed, and nobody stands behind their names
    assert read_note(correction_path(desk.results, EXAM)).NamesConfirmed is False
    assert state(desk) != "done"


def test_names_that_were_moved_are_told_as_not_verified_until_they_are_confirmed(reader):
    assert told_of(reader)["verified"]
    told = decide(reader, "shift", shift=1)
    assert not (told["verified"])
    assert not (told["names_confirmed"])
    assert decide(reader, "confirm")["names_confirmed"]


def test_the_time_that_is_left_follows_the_reading(reader):
    assert decide(reader, "confirm")["seconds_left"] is None
    assert decide(reader, "confirm", "sub-01_ses-pre")["seconds_left"] is not None


def test_what_is_not_usable_cannot_be_confirmed(reader, desk):
    decide(reader, "not_usable", text="motion")
    assert "not usable" in decide(reader, "confirm", status=409)["problem"]
    decide(reader, "usable")
    decide(reader, "confirm")


def test_a_blinded_reader_is_bound_by_nobody_elses_not_usable(reader, desk):
    decide(reader, "not_usable", text="motion")
    tokens = []
    second = SecondDesk(desk.results, "CD")
    client = TestClient(make_app(second, Door(tokens.append), 5999), base_url=HOME)
    client.get("/", params={"token": tokens[0]})
    decide(client, "confirm")
    decide(client, "not_usable", text="dark")
    decide(client, "confirm", status=409)
    second.close()


def test_a_body_in_pieces_is_told_at_once_and_cannot_be_confirmed(reader, desk):
    corner = int(np.frombuffer(desk.draft(EXAM).opened.to_page(recorded(desk)), np.uint8)[0])
    assert corner == 0
    assert "2 pieces" in decide(reader, "paint", level="L4", runs=[[0, 3]])["note"]
    assert "2 pieces" in decide(reader, "confirm", status=409)["problem"]
    assert decide(reader, "paint", level="L4", runs=[[0, 3]], erase=True)["note"] == ""
    decide(reader, "confirm")


# --- other programs, other files


def test_a_correction_of_another_form_counts_again_after_undo(reader, desk):
    without(desk, "L3", correction_path(desk.results, EXAM).with_name(f"{EXAM}_desc-manual_dseg.nii"))
    decide(reader, "delete", level="L4")
    decide(reader, "undo")
    counts = read_volume(saved_correction(desk.results, EXAM)).data
    assert LEVEL_ID["L3"] not in counts
    assert LEVEL_ID["L4"] in counts


@pytest.mark.parametrize("decided_before", [False, True])
def test_what_another_program_saved_meanwhile_is_shown_and_not_written_over(reader, desk, decided_before):
    version = told_of(reader)["version"]
    if decided_before:
        version = decide(reader, "delete", level="L4")["version"]
    without(desk, "L3", correction_path(desk.results, EXAM))
    digest = sha256(correction_path(desk.results, EXAM))
    assert "meanwhile" in decide(reader, "delete", level="L2", version=version, status=409)["problem"]
    assert sha256(correction_path(desk.results, EXAM)) == digest
    assert "L3" not in [body["level"] for body in told_of(reader)["bodies"]]


@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_a_decision_is_saved_and_told_without_a_sheet_that_can_be_read(reader, desk, damage):
    version = told_of(reader)["version"]
    if damage == "gone":
        desk.sheet.unlink()
    else:
        desk.sheet.write_text("nothing")
    told = decide(reader, "delete", level="L3", version=version)
    assert LEVEL_ID["L3"] not in saved(desk)
    assert told["fractures"] is None
    assert "study" in told["no_fractures"]


def test_one_broken_correction_stops_no_reading(reader, desk):
    directory = exam_directory(desk.results, EXAM, "segment")
    unusable_path(directory, EXAM).write_text("{}")
    told = told_of(reader)
    assert told["images"] is False
    assert "edited" in told["why_no_images"]
    assert "edited" in told["row"]["why"]
    assert len(make_worklist(desk.results)) == 3
    decide(reader, "not_usable", text="motion", version=0)
    assert told_of(reader)["unusable"] == "motion"


def test_a_full_disk_is_told_and_what_was_not_saved_is_not_shown(reader, desk, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    before = told_of(reader)
    with monkeypatch.context() as patch:
        patch.setattr("qmri.review.draft.save_correction", full)
        body = {"decision": "delete", "level": "L3", "version": before["version"]}
        answer = reader.post(f"/api/exam/{EXAM}/decide", json=body, headers={"Origin": HOME})
    assert answer.status_code == 507
    assert "No space left" in json.dumps(answer.json())
    assert told_of(reader)["bodies"] == before["bodies"]
    decide(reader, "delete", level="L3", version=before["version"])


def test_numbers_beyond_all_bounds_are_refused(reader):
    for runs in ([[2**70, 1]], [[-1, 1]], [[0, 2**63]]):
        decide(reader, "paint", level="L4", runs=runs, status=422)


# --- the start


def test_the_sheet_is_found_past_what_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").mkdir()
    (tmp_path / "b.csv").symlink_to(tmp_path / "gone.csv")
    (tmp_path / "c.csv").write_text("participant_id\n1\n")
    digest = sha256(tmp_path / "c.csv")
    assert find_sheet(tmp_path / "results", digest) == tmp_path / "c.csv"


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(QmriError, match="port"):
        bind(port)


def test_an_address_can_be_opened_as_soon_as_it_is_told():
    with bind(0) as listening, socket.create_connection(listening.getsockname(), timeout=5):
        pass


def test_reviews_of_two_studies_do_not_close_each_other(desk):
    tokens = []
    answers = []
    for port in (5999, 6000):
        app = make_app(desk, Door(tokens.append), port)
        client = TestClient(app, base_url=f"http://127.0.0.1:{port}", follow_redirects=False)
        answers.append(client.get("/", params={"token": tokens[-1]}).headers["set-cookie"])
    names = {answer.split("=")[0] for answer in answers}
    assert len(names) == 2
    assert all("HttpOnly" in answer for answer in answers)
