"""Consensus of two readers: what waits, both outlines on one image, what is taken and how it is logged."""

import numpy as np
import pytest
from review_folder import client_of, write_examination
from two_readers import boxes, decide, second_read

from qmri.images.nifti import read_volume
from qmri.outputs.tables import read_rows
from qmri.pipeline.reading.corrections import correction_path
from qmri.pipeline.reading.notes import read_note, read_unusable
from qmri.pipeline.reading.reader_agreement import write_agreement
from qmri.pipeline.reading.readings import SECOND, read_readings
from qmri.pipeline.records.provenance import sha256
from qmri.review.decisions import Request
from qmri.review.desk import Desk
from qmri.review.second.blinded_desk import SecondDesk
from qmri.review.second.consensus import outlines

EXAM = "sub-1_ses-a"
URL = f"/api/consensus/{EXAM}"


@pytest.fixture
def results(tmp_path):
    write_examination(tmp_path, EXAM)
    (tmp_path / "config.yaml").write_text("measure: {bootstrap_samples: 50}\n")
    desk = Desk(tmp_path, None, "AB")
    desk.decide(EXAM, Request(decision="confirm", version=desk.draft(EXAM).version))
    desk.close()
    second_read(tmp_path, EXAM, boxes({"T12": None}, L2=5))
    return tmp_path


@pytest.fixture
def client(results):
    desk = Desk(results, None, "AB")
    yield client_of(desk)
    desk.close()


def waits(client):
    """Whether the queue and the examination say that a consensus is wanted; they agree."""
    (row,) = client.get("/api/study").json()["queue"]
    told = client.get(f"/api/exam/{EXAM}").json()
    assert (
        ("consensus" in row["filters"])
        == ("consensus" in told["row"]["filters"])
        == (told["consensus"] == ["CD"])
    )
    return "consensus" in row["filters"]


def saved(results):
    return read_volume(correction_path(results, EXAM)).data.astype(np.int16)


def test_outlines_of_two_squares():
    first, second = (np.zeros((1, 7, 7), np.int16) for _ in range(2))
    first[0, 1:5, 1:5], second[0, 2:6, 1:5] = 20, 21
    found = outlines(first, second)[0]
    assert found[1, 2] == 1
    assert found[5, 2] == 2
    assert found[2, 1] == 3
    assert found[3, 2] == 0
    assert np.count_nonzero(found) == 12 + 12 - 6  # each has a rim of 12, and 6 of them in common


def test_what_waits_and_in_what_they_differ(client):
    assert waits(client)
    told = client.get(f"{URL}/CD").json()
    assert (told["first_reader"], told["second_reader"]) == ("AB", "CD")
    differing = {(row["what"], row["first_level"]) for row in told["rows"]}
    assert differing >= {("only_first", "T12"), ("outline", "L2"), ("height_mid_mm", "L2")}
    assert {(body["first"], body["second"]) for body in told["bodies"]} >= {("T12", None), ("L4", "L4")}
    shown = client.get(f"{URL}/CD/outlines").content
    assert len(shown) == boxes().size
    assert set(shown) == {0, 1, 2, 3}


@pytest.mark.parametrize(("take", "labels"), [("first", boxes()), ("second", boxes({"T12": None}, L2=5))])
def test_a_read_that_is_taken_counts(results, client, take, labels):
    before = write_agreement(results)
    text = (results / "review" / "agreement.csv").read_text()
    assert client.post(URL, json={"reader": "CD", "take": take}).json()["names_confirmed"]
    assert np.array_equal(saved(results), labels)
    last = read_readings(results)[-1]
    assert (last.decision, last.reader, last.detail) == ("consensus", "AB", f"{take}; AB, CD")
    assert last.sha256 == sha256(correction_path(results, EXAM))
    assert read_note(correction_path(results, EXAM)).NamesConfirmed
    assert not waits(client)
    after = write_agreement(results)
    assert (before.disagreements > 0, after.disagreements) == (True, 0)
    assert (results / "review" / "agreement.csv").read_text() == text  # the reads are as they were


def test_an_edit_after_a_read_was_taken_is_settled_again(results, client):
    version = client.post(URL, json={"reader": "CD", "take": "second"}).json()["version"]
    client.post(f"/api/exam/{EXAM}/decide", json={"decision": "delete", "level": "L4", "version": version})
    assert waits(client)
    told = client.post(URL, json={"reader": "CD", "take": "edited"}).json()
    assert not waits(client)
    client.post(f"/api/exam/{EXAM}/decide", json={"decision": "confirm", "version": told["version"]})
    decide(results, EXAM, "rename", reader="CD", read=SECOND)
    assert not waits(client)  # whatever the second reader goes on to do
    assert np.array_equal(saved(results), boxes({"T12": None, "L4": None}, L2=5))


def test_a_consensus_needs_two_reads(results, client):
    assert client.post(URL, json={"reader": "EF", "take": "first"}).status_code == 409
    assert client.get(f"{URL}/EF").status_code == 409
    assert client.get("/api/consensus/sub-9_ses-a/CD").status_code == 409
    assert client.post(URL, json={"reader": "CD", "take": "third"}).status_code == 422
    decide(results, EXAM, "rename", reader="CD", read=SECOND)
    assert not waits(client)


@pytest.mark.parametrize("reader", ["..", "%2e%2e", "..%2f..%2fsegment", "_first_read", "CD%00", "x" * 300])
def test_no_other_folder_is_a_readers(client, reader):
    for path in (f"{URL}/{reader}", f"{URL}/{reader}/outlines"):
        assert client.get(path).status_code in (404, 405, 409)


def test_after_a_consensus_the_blinded_read_of_who_shared_it_is_closed(results, client):
    client.post(URL, json={"reader": "CD", "take": "first"})
    for initials, status in (("CD", 409), ("EF", 200)):
        desk = SecondDesk(results, initials)
        page = client_of(desk)
        version = page.get(f"/api/exam/{EXAM}").json()["version"]
        request = {"decision": "confirm", "version": version}
        assert page.post(f"/api/exam/{EXAM}/decide", json=request).status_code == status
        desk.close()


def test_not_usable_may_be_the_consensus(results, client):
    decide(results, EXAM, "not_usable", reader="CD", read=SECOND, detail="motion")
    (row,) = client.get(f"{URL}/CD").json()["rows"]
    assert (row["what"], row["first"], row["second"]) == ("usable", "usable", "not usable")
    told = client.post(URL, json={"reader": "CD", "take": "second"}).json()
    assert "AB, CD" in told["unusable"]
    folder = correction_path(results, EXAM).parent
    assert read_unusable(folder, EXAM) is not None
    client.post(URL, json={"reader": "CD", "take": "first"})
    assert read_unusable(folder, EXAM) is None
    assert np.array_equal(saved(results), boxes())


def test_the_tables_tell_that_it_is_settled(results, client):
    write_agreement(results)
    rows = read_rows(results / "review" / "disagreements.csv")
    assert {row["settled"] for row in rows} == {"0"}
    client.post(URL, json={"reader": "CD", "take": "first"})
    write_agreement(results)
    assert {row["settled"] for row in read_rows(results / "review" / "disagreements.csv")} == {"1"}
