"""The viewer's page: what is in it, and that a browser shows it without network."""

import base64
import gzip
import html
import re
import shutil
import subprocess

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from qmri.spine.levels import LEVEL_ID
from qmri.viewer.layers import MOST_VOXELS, STEPS, Layer, layer_base64, part_affine, window
from qmri.viewer.viewer_page import viewer_page

AFFINE = np.array([[0, 0, 4.0, -30], [2.0, 0, 0, -40], [0, 2.0, 0, -70], [0, 0, 0, 1]])
SHAPE = (60, 90, 16)


def read(packed: str) -> nib.Nifti1Image:
    return nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(packed)))


@pytest.fixture(scope="module")
def examination():
    rng = np.random.default_rng(4)
    labels = np.zeros(SHAPE, np.int16)
    labels[12:24, 40:52, 3:12], labels[12:24, 20:32, 3:12] = 22, 23
    pdff = np.where(labels == 22, 40.0, np.where(labels == 23, 60.0, 5.0))
    layers = [
        Layer("anatomy", "In phase", "", 0, 2.0, "gray", 1 + 0.1 * rng.standard_normal(SHAPE)),
        Layer("pdff", "PDFF", "%", 0, 100, "viridis", pdff),
        Layer("r2star", "R2*", "1/s", 0, 250, "magma", np.full(SHAPE, 50.0)),
    ]
    return layers, labels


def test_values_survive_to_half_a_step():
    values = np.linspace(-10, 110, 11 * 7 * 5).reshape(11, 7, 5)
    values[0, 0, 0] = np.nan
    back = read(layer_base64(Layer("x", "x", "%", 0, 100, "gray", values), AFFINE))
    inside = (values >= 0) & (values <= 100)
    assert np.abs(back.get_fdata() - values)[inside].max() <= 100 / STEPS / 2 + 1e-5
    assert back.get_fdata().min() == 0
    np.testing.assert_allclose(back.affine, AFFINE)
    assert back.get_data_dtype() == np.uint8


def test_the_window_holds_every_label_at_its_place(examination):
    _, labels = examination
    part = window(labels, AFFINE)
    own = labels[part]
    assert own.size < labels.size
    assert np.count_nonzero(own) == np.count_nonzero(labels)
    moved = part_affine(AFFINE, part)
    for image, affine in ((labels, AFFINE), (own, moved)):
        centre = affine[:3, :3] @ np.argwhere(image == 22).mean(axis=0) + affine[:3, 3]
        np.testing.assert_allclose(centre, AFFINE[:3, :3] @ [17.5, 45.5, 7] + AFFINE[:3, 3])
    assert window(np.zeros(SHAPE, int), AFFINE) == tuple(slice(0, size, 1) for size in SHAPE)


def test_a_large_examination_stays_under_ten_megabytes():
    shape = (300, 300, 60)
    affine = np.diag([1.0, 1.0, 4.0, 1.0])
    noise = np.random.default_rng(0).uniform(0, 100, shape).astype(np.float32)
    labels = np.zeros(shape, np.int16)
    part = window(labels, affine)
    assert [each.step for each in part] == [2, 2, 1]
    assert labels[part].size <= MOST_VOXELS
    np.testing.assert_allclose(part_affine(affine, part), np.diag([2.0, 2.0, 4.0, 1.0]))
    layers = [Layer(key, key, "%", 0, 100, "gray", noise) for key in ("a", "b", "c")]
    assert len(viewer_page("x_y", layers, labels, affine)) < 10e6


def test_the_page_stands_alone_and_is_small(examination):
    layers, labels = examination
    page = viewer_page("sub-01_ses-pre", layers, labels, AFFINE)
    assert page == viewer_page("sub-01_ses-pre", layers, labels, AFFINE)
    assert len(page) < 10e6
    outside_script = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href)=", outside_script)
    assert "default-src &#x27;none&#x27;" in page
    assert "@NAME@" not in page
    assert "sub-01_ses-pre: viewer" in page


def test_names_that_are_not_verified_are_told_above_the_images(examination):
    layers, labels = examination
    for verified in (True, False):
        page = viewer_page("x_y", layers, labels, AFFINE, verified=verified)
        assert ("not verified" in page.partition("<canvas")[0].partition("<header>")[2]) != verified
        assert "@WARNING@" not in page


def test_a_name_cannot_break_out_of_the_page(examination):
    layers, labels = examination
    layers = [Layer(**{**vars(layers[0]), "title": "</script><b>"})]
    page = viewer_page("<script>", layers, labels, AFFINE)
    assert "<title>&lt;script&gt;: viewer" in page
    assert "</script><b>" not in page


BROWSER = ["chromium", "--headless", "--no-sandbox", "--no-first-run", "--disable-background-networking"]
BROWSER += ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--window-size=1366,768"]
BROWSER += ["--virtual-time-budget=30000"]
browser_test = pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium")

WHEN_READY = """
<script>
const seen = () => getComputedStyle(document.getElementById("canvas")).visibility;
document.body.dataset.before = seen();
const timer = setInterval(() => {
  if (document.body.dataset.state === "failed") clearInterval(timer);
  if (document.body.dataset.state !== "ready") return;
  clearInterval(timer);
  document.body.dataset.at = seen();
  %s
}, 100);
</script>
</body>
"""
CLICKS = """
  document.querySelectorAll("#maps input")[1].click();
  [...document.querySelectorAll("#levels button")].find((button) => button.textContent === "L3").click();
  const move = (id, value) => {
    const slider = document.getElementById(id);
    slider.value = value;
    slider.dispatchEvent(new Event("input"));
  };
  const outputs = document.querySelectorAll("#contrast output");
  const told = () => Array.from(outputs, (each) => each.textContent).join(" ");
  document.body.dataset.contrast = told();
  move("window", 20); move("level", 40);
  document.body.dataset.narrow = told();
  setTimeout(() => { document.body.dataset.clicked = document.getElementById("told").textContent; }, 500);
"""
NARROW = """
  document.getElementById("window").value = 0.1;
  document.getElementById("window").dispatchEvent(new Event("input"));
"""


def in_browser(page, tmp_path, script, *options):
    """Load a page with a script that runs when it is ready; return what the browser says."""
    (tmp_path / "page.html").write_text(page.rpartition("</body>")[0] + WHEN_READY % script, encoding="utf-8")
    command = [*BROWSER, f"--user-data-dir={tmp_path / 'chromium'}", *options]
    address = (tmp_path / "page.html").as_uri()
    return subprocess.run([*command, address], capture_output=True, text=True, timeout=180, check=False)


def picture(page, tmp_path, script=""):
    """Return what is seen of a page, (row, column, RGB) 0-255, below its controls."""
    shown = in_browser(page, tmp_path, script, f"--screenshot={tmp_path / 'shot.png'}")
    assert (tmp_path / "shot.png").is_file(), shown.stderr[-2000:]
    return np.asarray(Image.open(tmp_path / "shot.png").convert("RGB")).astype(int)[110:720]


@pytest.mark.slow
@browser_test
def test_a_browser_shows_maps_and_labels_and_changes_their_contrast(examination, tmp_path):
    layers, labels = examination
    page = viewer_page("sub-01_ses-pre", layers, labels, AFFINE)
    shown = in_browser(page, tmp_path, CLICKS, "--dump-dom")
    body = re.search(r"<body[^>]*>", shown.stdout)
    assert body, shown.stderr[-2000:]
    told = html.unescape(body.group())
    assert 'data-state="ready"' in told, shown.stdout[-2000:]
    assert 'data-volumes="4"' in told
    assert ('data-before="hidden"' in told, 'data-at="visible"' in told) == (True, True), (
        "no frame without labels"
    )
    assert re.search(r'data-clicked="L3 +PDFF 40 % +R2\* 50 1/s', told), told
    assert 'data-contrast="100 % 50 %"' in told
    assert 'data-narrow="20 % 40 %"' in told
    assert "failure" not in told


@pytest.mark.slow
@browser_test
def test_labels_are_seen_at_first_and_a_narrow_window_changes_the_picture(examination, tmp_path):
    layers, labels = examination
    page = viewer_page("sub-01_ses-pre", layers, labels, AFFINE)
    first, narrow = picture(page, tmp_path), picture(page, tmp_path, NARROW)
    bare = picture(viewer_page("sub-01_ses-pre", layers, np.zeros_like(labels), AFFINE), tmp_path)
    coloured = [np.mean(np.ptp(image, axis=2) > 40) for image in (first, bare)]
    assert coloured[0] > coloured[1] + 0.01, "the anatomical image alone is grey"
    assert np.std(narrow) > 1.2 * np.std(first), (
        "a window of a twentieth of the noise makes it black and white"
    )


def test_levels_are_those_of_the_labels(examination):
    layers, labels = examination
    page = viewer_page("x_y", layers, labels, AFFINE)
    for level in ("L3", "L4"):
        assert f'"name": "{level}", "id": {LEVEL_ID[level]}' in page
    assert '"name": "L5"' not in page
