"""What tests ask of the server of a review, and what it leaves on the disk."""

from qmri.images.nifti import read_volume
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.reading.corrections import correction_path

PORT = 5999
HOME = f"http://127.0.0.1:{PORT}"
EXAM = "sub-02_ses-pre"


def decide(client, decision, exam=EXAM, *, version=None, status=200, **what):
    """Send a decision, on the labels as they are unless a version is given, and return the answer."""
    if version is None:
        version = client.get(f"/api/exam/{exam}").json().get("version", 0)
    body = {"decision": decision, "version": version, **what}
    answer = client.post(f"/api/exam/{exam}/decide", json=body, headers={"Origin": HOME})
    assert answer.status_code == status, answer.text
    return answer.json()


def saved(desk, exam=EXAM):
    """Return the labels of the correction."""
    return read_volume(correction_path(desk.results, exam)).data


def recorded(desk, exam=EXAM):
    """Return the labels of the segment stage."""
    return read_volume(file_path(exam_directory(desk.results, exam, "segment"), exam, "labels")).data
