"""Decisions of a record as words, names and tables."""

from qmri.report.examination.record_words import TableInWords, in_words


def test_plain_values_are_words():
    assert in_words(None) == "not known"
    assert in_words(True) == "yes"
    assert in_words(0.123456) == "0.1235"
    assert in_words(["real", 3]) == "real, 3"


def test_names_and_parts_are_kept_in_order_and_checksums_left_out():
    record = {"phase_sign": {"stored_as": "conjugate", "voxels": 4000}, "inputs": {"sha256": "0a"}}
    assert in_words(record) == [("phase sign", [("stored as", "conjugate"), ("voxels", "4000")])]


def test_things_described_in_the_same_terms_are_a_table():
    types = [{"series_number": 5, "evidence": ["a", "b"]}, {"series_number": 6, "evidence": []}]
    assert in_words(types) == TableInWords(["series number", "evidence"], [["5", "a, b"], ["6", ""]])


def test_long_lists_say_how_much_more_there_is():
    assert in_words(list(range(15))).endswith("11 and 3 more")
