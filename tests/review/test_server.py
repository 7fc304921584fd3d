"""The server: what it refuses, what a decision leaves on the disk, and that nothing is lost."""

import json
import re

import numpy as np
import pytest
from review_desk import EXAM, HOME, PORT, decide, recorded, saved

from qmri.outputs import exam_directory
from qmri.pipeline.reading.corrections import correction_path
from qmri.pipeline.reading.notes import read_note, read_unusable
from qmri.pipeline.reading.readings import read_readings
from qmri.pipeline.reading.worklist import read_done
from qmri.pipeline.records.provenance import sha256
from qmri.pipeline.study.reader_fractures import reader_fractures_path
from qmri.pipeline.study.study_sheet import read_study
from qmri.review.desk import Desk
from qmri.review.guard import COOKIE, LARGEST_BODY
from qmri.spine.levels import LEVEL_ID

pytestmark = pytest.mark.slow


def every_route(client):
    paths = [route.path for route in client.app.routes]
    return [path.format(exam=EXAM, key="pdff", reader="CD", level="L1", side="first") for path in paths]


# --- who may come in


def test_without_the_token_nothing_is_answered(stranger):
    for path in every_route(stranger):
        for answer in (stranger.get(path), stranger.post(path, headers={"Origin": HOME})):
            assert answer.status_code == 403, path
            assert "sub-" not in answer.text


def test_the_token_opens_one_browser_and_the_next_is_announced(stranger, tokens):
    assert stranger.get("/", params={"token": tokens[0]}).status_code == 303
    stranger.cookies.clear()
    assert stranger.get("/", params={"token": tokens[0]}).status_code == 403
    assert len(tokens) == 2
    assert stranger.get("/", params={"token": tokens[1]}).status_code == 303


@pytest.mark.parametrize("token", ["", "x", "é" * 40, "a" * 5000])
def test_a_wrong_token_is_refused(stranger, token):
    assert stranger.get("/", params={"token": token}).status_code == 403


@pytest.mark.parametrize("cookie", ["", "x", "é".encode().decode("latin-1"), '"; drop'])
def test_a_made_up_cookie_is_refused(stranger, cookie):
    answer = stranger.get("/api/study", headers={"Cookie": f"{COOKIE}_{PORT}={cookie}".encode("latin-1")})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", f"127.0.0.1.evil.example:{PORT}", f"0.0.0.0:{PORT}"]
)
def test_another_name_of_the_host_is_refused(reader, host):
    assert reader.get("/api/study", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", f"https://127.0.0.1:{PORT}", HOME + "/"])
def test_another_origin_is_refused(reader, origin):
    assert reader.get("/api/study", headers={"Origin": origin}).status_code == 403
    answer = reader.post("/api/reader", json={"initials": "XY"}, headers={"Origin": origin})
    assert answer.status_code == 403


def test_a_change_without_an_origin_or_from_another_site_is_refused(reader, desk):
    assert reader.post("/api/reader", json={"initials": "XY"}).status_code == 403
    headers = {"Origin": HOME, "Sec-Fetch-Site": "cross-site"}
    assert reader.post("/api/reader", json={"initials": "XY"}, headers=headers).status_code == 403
    assert desk.initials == "AB"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"])
def test_other_methods_are_refused(reader, method):
    assert reader.request(method, "/api/study").status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/page/../server.py",
        "/api/exam/..%2f..%2fetc/labels",
        "/api/exam/%2Fetc%2Fpasswd",
        "/api/exam/sub-99_ses-pre",
        f"/api/exam/{EXAM}/layer/..%2f..%2fdecisions.csv",
        f"/api/exam/{EXAM}/layer/echoes_real",
        "//etc/passwd",
    ],
)
def test_no_path_from_outside_reaches_a_file(reader, path):
    answer = reader.get(path)
    assert answer.status_code in (404, 409)
    assert "root:" not in answer.text
    assert "import" not in answer.text


def test_a_large_body_is_refused_by_its_length_before_it_is_read(reader):
    def body():
        raise AssertionError("the body was read")
        yield b""

    headers = {"Origin": HOME, "Content-Length": str(2 * 1024**3)}
    answer = reader.post(f"/api/exam/{EXAM}/decide", content=body(), headers=headers)
    assert answer.status_code == 413


def test_a_large_body_of_unknown_length_is_refused(reader):
    body = (b"x" * 1_000_000 for _ in range(LARGEST_BODY // 1_000_000 + 2))
    answer = reader.post(f"/api/exam/{EXAM}/decide", content=body, headers={"Origin": HOME})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"decision": "sudo"}',
        b'{"decision": "confirm", "path": "/etc/passwd"}',
        b'{"decision": "shift", "shift": 100}',
        b'{"decision": "paint", "level": "L3", "runs": [[1, "2"]]}',
        b'{"decision": "comment", "text": 3}',
        b'{"decision": "add", "point": [NaN, 0, 0]}',
        b"\xff\xfe",
    ],
)
def test_a_request_that_is_not_understood_changes_nothing(reader, desk, body):
    answer = reader.post(f"/api/exam/{EXAM}/decide", content=body, headers={"Origin": HOME})
    assert answer.status_code in (409, 422)
    assert read_readings(desk.results) == []
    assert not correction_path(desk.results, EXAM).exists()


def test_every_answer_forbids_what_a_page_of_others_could_do(reader):
    for path in ("/", "/api/study", "/nothing"):
        headers = reader.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_the_page_asks_for_nothing_beyond_this_server(reader):
    for path in (
        "/",
        "/review.css",
        *[route.path for route in reader.app.routes if route.path.endswith(".js")],
    ):
        if path == "/niivue.js":
            continue
        assert not re.findall(r"https?://|//cdn|@import", reader.get(path).text), path


# --- what is shown


def test_the_queue_is_the_worklist(reader):
    study = reader.get("/api/study").json()
    assert {row["exam"] for row in study["queue"]} == {f"sub-0{n}_ses-pre" for n in (1, 2, 3)}
    assert study["left"] == 3
    assert study["seconds_left"] is None
    needs = [row["need"] for row in study["queue"]]
    assert needs == sorted(needs, reverse=True)


def test_labels_and_maps_reach_the_page_upright_and_come_back(reader, desk):
    opened = desk.draft(EXAM).opened
    content = reader.get(f"/api/exam/{EXAM}/labels").content
    upright = np.frombuffer(content, np.uint8)
    assert np.bincount(upright)[1:].tolist() == np.bincount(recorded(desk).ravel())[1:].tolist()
    for level in ("L1", "L4"):
        places = np.flatnonzero(upright == LEVEL_ID[level])
        breaks = np.flatnonzero(np.diff(places) > 1)
        firsts = places[np.r_[0, breaks + 1]]
        lasts = places[np.r_[breaks, len(places) - 1]]
        mask = opened.from_page(np.stack([firsts, lasts - firsts + 1], axis=1))
        np.testing.assert_array_equal(mask, recorded(desk) == LEVEL_ID[level])


# --- decisions


def test_confirming_saves_the_map_that_will_be_recorded_with_who_and_when(reader, desk):
    told = decide(reader, "confirm")
    path = correction_path(desk.results, EXAM)
    np.testing.assert_array_equal(saved(desk), recorded(desk))
    note = read_note(path)
    assert (note.Reader, note.NamesConfirmed, note.Decisions) == ("AB", True, ("confirm",))
    reading = read_readings(desk.results)[-1]
    assert (reading.reader, reading.decision, reading.sha256) == ("AB", "confirm", sha256(path))
    assert read_done(desk.results)[EXAM]["labels_sha256"] == sha256(path)
    assert told["row"]["state"] == "done"


def test_a_shift_is_two_keys_from_confirmed_names(reader, desk):
    decide(reader, "shift", shift=-1)
    assert read_note(correction_path(desk.results, EXAM)).NamesConfirmed is False
    decide(reader, "confirm")
    assert read_note(correction_path(desk.results, EXAM)).NamesConfirmed is True
    np.testing.assert_array_equal(saved(desk) == LEVEL_ID["L1"], recorded(desk) == LEVEL_ID["L2"])


def test_undo_goes_back_to_where_nothing_was_saved(reader, desk):
    decide(reader, "delete", level="L3")
    decide(reader, "rename", level="T9", to="T8")
    assert decide(reader, "undo")["undo"] == "delete L3"
    decide(reader, "undo")
    assert not correction_path(desk.results, EXAM).exists()
    np.testing.assert_array_equal(desk.draft(EXAM).labels, recorded(desk))
    assert "nothing to undo" in decide(reader, "undo", status=409)["problem"]
    assert [each.decision for each in read_readings(desk.results)] == ["delete", "rename", "undo", "undo"]


def test_a_body_that_was_deleted_is_back_after_one_click(reader, desk):
    truth = recorded(desk) == LEVEL_ID["L2"]
    centre = next(b["centre"] for b in reader.get(f"/api/exam/{EXAM}").json()["bodies"] if b["level"] == "L2")
    decide(reader, "delete", level="L2")
    told = decide(reader, "add", point=centre)
    assert "L2" in [body["level"] for body in told["bodies"]]
    cut = saved(desk) == LEVEL_ID["L2"]
    assert 2 * np.sum(cut & truth) / (cut.sum() + truth.sum()) > 0.9
    others = (recorded(desk) > 0) & ~truth
    np.testing.assert_array_equal(saved(desk)[others], recorded(desk)[others])


def test_a_stroke_gives_free_voxels_alone_and_erasing_takes_them_back(reader, desk):
    labels = recorded(desk)
    opened = desk.draft(EXAM).opened
    page = np.frombuffer(opened.to_page(labels), np.uint8)
    place = int(np.flatnonzero(page == LEVEL_ID["L4"])[0])
    first = place - 1
    assert page[first] == 0
    decide(reader, "paint", level="L4", runs=[[first, 3]])
    mask = opened.from_page(np.array([[first, 1]]))
    assert (saved(desk)[mask] == LEVEL_ID["L4"]).all()
    assert np.count_nonzero(saved(desk) != labels) == 1
    decide(reader, "paint", level="L4", runs=[[first, 1]], erase=True)
    np.testing.assert_array_equal(saved(desk), labels)
    decide(reader, "paint", level="L4", runs=[[page.size - 1, 2]], status=409)


def test_not_usable_needs_a_reason_and_can_be_taken_back(reader, desk):
    directory = exam_directory(desk.results, EXAM, "segment")
    decide(reader, "not_usable", status=409)
    told = decide(reader, "not_usable", text="motion")
    assert read_unusable(directory, EXAM).Reason == "motion"
    assert told["unusable"] == "motion"
    decide(reader, "usable")
    assert read_unusable(directory, EXAM) is None


def test_fractures_go_beside_the_study_sheet_and_never_into_it(reader, desk):
    before = desk.sheet.read_bytes()
    decide(reader, "fracture", level="L3", kinds=["acute", "treated"])
    row = read_study(desk.sheet).find(EXAM)
    assert row.acute_levels == ("T12", "L3")
    assert row.treated_levels == ("T12", "L3")
    assert row.old_levels == ()  # it was called old, and is acute now
    assert desk.sheet.read_bytes() == before
    assert reader_fractures_path(desk.sheet).is_file()
    decide(reader, "fracture", level="L3", kinds=["acute", "old"], status=409)


def test_a_comment_is_kept_and_shown(reader):
    told = decide(reader, "comment", text='a "quoted", long\nsentence')
    assert told["comments"][0]["text"] == 'a "quoted", long sentence'


def test_another_tab_cannot_decide_on_what_it_has_not_seen(reader, desk):
    decide(reader, "delete", level="L3")
    answer = decide(reader, "delete", level="L4", version=0, status=409)
    assert "meanwhile" in answer["problem"]
    assert LEVEL_ID["L4"] in saved(desk)


def test_nobody_decides_without_initials(reader, desk):
    desk.initials = ""
    assert "reader" in decide(reader, "confirm", status=409)["problem"]
    answer = reader.post("/api/reader", json={"initials": "=1"}, headers={"Origin": HOME})
    assert answer.status_code == 409
    reader.post("/api/reader", json={"initials": "CD"}, headers={"Origin": HOME})
    decide(reader, "confirm")
    assert read_readings(desk.results)[-1].reader == "CD"


def test_a_new_server_goes_on_where_a_killed_one_was(reader, desk):
    decide(reader, "delete", level="L3")
    decide(reader, "shift", shift=-1)
    again = Desk(desk.results, desk.sheet, "AB")
    again.again.stop()
    np.testing.assert_array_equal(again.draft(EXAM).labels, saved(desk))
    again.close()


def test_an_examination_without_images_tells_why(reader, desk):
    for path in exam_directory(desk.results, EXAM, "fit").glob("*.nii.gz"):
        path.unlink()
    told = reader.get(f"/api/exam/{EXAM}").json()
    assert told["images"] is False
    assert "image" in told["why_no_images"]
    assert json.dumps(told)
