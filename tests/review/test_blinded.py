"""A blinded second read: whatever the first reader did, every route answers the same."""

import re
import shutil

import numpy as np
import pytest
from review_folder import EXAMS, HOME, client_of, segmentation, write_examination, write_rows
from small_records import write_failure, write_small_record
from two_readers import AFFINE, decide

from qmri.images.nifti import read_volume
from qmri.outputs.files import record_path
from qmri.pipeline.reading.corrections import correction_path
from qmri.pipeline.reading.readings import read_readings
from qmri.pipeline.reading.second_read import second_read_path
from qmri.review.decisions import Request
from qmri.review.desk import Desk
from qmri.review.second.blinded_desk import SecondDesk
from qmri.segment.label_map import write_label_map

KEYS = ("anatomy", "pdff", "r2star", "water", "fat", "vendor_pdff")
STROKES = (
    {"decision": "confirm"},
    {"decision": "shift", "shift": 1},
    {"decision": "undo"},
    {"decision": "rename", "level": "L4", "to": "L5"},
    {"decision": "delete", "level": "T12"},
    {"decision": "fracture", "level": "L3", "kinds": ["old"]},
    {"decision": "comment", "text": "seen"},
    {"decision": "paint", "level": "L1", "runs": [[100, 3]]},
    {"decision": "not_usable", "text": "dark"},
    {"decision": "usable"},
    {"decision": "confirm"},
    {"decision": "move", "level": "L9"},
)


@pytest.fixture
def unread(tmp_path):
    results = tmp_path / "unread" / "results"
    for exam in EXAMS:
        write_examination(results, exam)
    return results


@pytest.fixture
def read(unread, tmp_path):
    """The same after a first reader: names moved and measured anew, a refusal, comments, ticks, fractures."""
    results = tmp_path / "read" / "results"
    shutil.copytree(unread, results)
    first = Desk(results, None, "AB")
    first.decide(EXAMS[0], Request(decision="shift", shift=1, version=first.draft(EXAMS[0]).version))
    first.decide(EXAMS[0], Request(decision="confirm", version=first.draft(EXAMS[0]).version))
    first.decide(EXAMS[0], Request(decision="comment", text="AB saw a secret"))
    first.decide(EXAMS[1], Request(decision="not_usable", text="a secret motion"))
    first.decide(EXAMS[2], Request(decision="delete", level="L2", version=first.draft(EXAMS[2]).version))
    first.close()
    for exam, level in ((EXAMS[0], "L3"), (EXAMS[2], "L4")):
        decide(results, exam, "fracture", level=level, detail="acute")
    # What the next run makes of it.
    moved = read_volume(correction_path(results, EXAMS[0])).data.astype(np.int16)
    labels = correction_path(results, EXAMS[0]).with_name(f"{EXAMS[0]}_dseg.nii.gz")
    write_label_map(labels, AFFINE, segmentation(moved, doubt="secret"), "labels", {})
    record = record_path(results, EXAMS[0], "segment")
    write_small_record(record, "segment", EXAMS[0], naming_doubts=("secret",))
    write_rows(results, EXAMS[0], 66.0)
    for path in record_path(results, EXAMS[1], "segment").parent.glob("*dseg*"):
        path.unlink()
    for verb in ("segment", "measure", "report"):
        path = record_path(results, EXAMS[1], verb)
        write_failure(path, verb, EXAMS[1], at="segment", reason="AB found it not usable: secret")
    return results


def paths_of_others(route):
    """What a path asks for besides an examination and an image."""
    return set(re.findall(r"\{(\w+)", route.path)) - {"exam", "key"}


def asked(client):
    """Every answer to GET by path: status, content without times, headers."""
    answers = {}
    for route in client.app.routes:
        if "GET" not in route.methods or paths_of_others(route):
            continue
        for exam in EXAMS if "{exam}" in route.path else ("",):
            for key in KEYS if "{key}" in route.path else ("",):
                path = route.path.replace("{exam}", exam).replace("{key}", key)
                answer = client.get(path)
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"", answer.content)
                answers[path] = (answer.status_code, content, answer.headers.get("X-Version"))
    return answers


def decided(client, exam, stroke):
    """The answer to a decision."""
    version = client.get(f"/api/exam/{exam}").json().get("version", 0)
    answer = client.post(f"/api/exam/{exam}/decide", json=stroke | {"version": version})
    content = answer.json()
    for comment in content.get("comments", []):
        del comment["time"]
    return answer.status_code, content


def whole_read(client):
    """All that a second reader is told in the course of a read."""
    assert not any(paths_of_others(route) for route in client.app.routes)
    before = asked(client)
    answers = []
    for exam in EXAMS:
        client.post(f"/api/exam/{exam}/seen", json={})
        answers += [decided(client, exam, stroke) for stroke in STROKES]
    after = asked(client)
    queue = client.get("/api/study").json()["queue"]
    del after["/api/study"]  # tells how fast the reader is
    return before, answers, after, queue


def test_whatever_the_first_reader_did_every_answer_is_the_same(read, unread):
    told = []
    for results in (read, unread):
        desk = SecondDesk(results, "CD")
        told.append(whole_read(client_of(desk)))
        desk.close()
    before = told[0][0]
    assert {"/api/study", *(f"/api/exam/{exam}/labels" for exam in EXAMS)} <= set(before)
    assert before[f"/api/exam/{EXAMS[1]}/labels"][0] == 200
    assert told[0] == told[1]


def test_a_desk_that_is_not_blinded_tells_what_the_first_reader_did(read, unread):
    """The comparison above can fail."""
    told = []
    for results in (read, unread):
        desk = Desk(results, None, "CD")
        told.append(asked(client_of(desk)))
        desk.close()
    differing = {path for path in told[0] if told[0][path] != told[1][path]}
    assert {"/api/study", *(f"/api/exam/{exam}" for exam in EXAMS)} <= differing


def test_the_first_readers_words_and_numbers_are_in_no_answer(read):
    desk = SecondDesk(read, "CD")
    for path, (status, content, _) in asked(client_of(desk)).items():
        assert status in (200, 409)
        if path.startswith("/api/") and b"{" in content[:1]:
            assert not [word for word in (b"secret", b'"66"', b'"AB"') if word in content], path
    desk.close()


def test_a_second_read_writes_beside_the_study_alone(read):
    log = read / "review" / "decisions.csv"
    files = {path: path.read_bytes() for path in read.rglob("*") if path.is_file()}
    desk = SecondDesk(read, "CD")
    whole_read(client_of(desk))
    desk.close()
    now = {path: path.read_bytes() for path in read.rglob("*") if path.is_file()}
    assert all(path.parent == read / "review" / "CD" for path in set(now) - set(files))
    assert {path for path in files if now[path] != files[path]} == {log}
    assert now[log].startswith(files[log])
    assert {each.read for each in read_readings(read) if each.reader == "CD"} == {"second"}
    assert second_read_path(read, "CD", EXAMS[0]).is_file()


def test_what_a_blinded_reader_can_ask_is_written_down_here(unread):
    """A route that is added for the first reader stays with the first reader until somebody blinds it."""
    desk = SecondDesk(unread, "CD")
    paths = {route.path for route in client_of(desk).app.routes if route.path.startswith("/api")}
    desk.close()
    assert paths == {
        "/api/study",
        "/api/levels",
        *(
            f"/api/exam/{{exam}}{rest}"
            for rest in ("", "/labels", "/layer/{key}", "/ahead", "/seen", "/decide")
        ),
    }


@pytest.mark.parametrize("path", ["/api/reader", "/api/consensus", f"/api/consensus/{EXAMS[0]}/CD"])
def test_a_blinded_reader_has_no_such_route(unread, path):
    desk = SecondDesk(unread, "CD")
    client = client_of(desk)
    assert client.get(path).status_code == 404
    assert client.post(path, json={"initials": "AB"}, headers={"Origin": HOME}).status_code == 404
    desk.close()


def test_a_second_read_goes_on_where_it_stopped_and_is_nobody_elses(unread):
    desk = SecondDesk(unread, "CD")
    stroke = {"decision": "delete", "level": "L2", "version": desk.draft(EXAMS[0]).version}
    client_of(desk).post(f"/api/exam/{EXAMS[0]}/decide", json=stroke)
    desk.close()
    levels = {}
    for initials in ("CD", "EF"):
        desk = SecondDesk(unread, initials)
        told = client_of(desk).get(f"/api/exam/{EXAMS[0]}").json()
        levels[initials] = [body["level"] for body in told["bodies"]]
        desk.close()
    assert levels == {"CD": ["T12", "L1", "L3", "L4"], "EF": ["T12", "L1", "L2", "L3", "L4"]}
