"""Whether two headers are of one person: absence is never agreement, and a placeholder is absence."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from qmri.ingest.headers.identity import PatientIdentity, Relation, patient_identity


def person(**elements: str) -> PatientIdentity:
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 192"
    for name, value in elements.items():
        setattr(header, name, value)
    return patient_identity(header)


ADA = {"PatientID": "P17", "PatientName": "NEVERMADE^ADA", "PatientBirthDate": "19480213", "PatientSex": "F"}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"PatientName": "NEVERMADE^ADA=某^甲"},
        {"PatientName": "某^甲"},
        {"PatientName": "=某^甲=ぼう^こう"},
        {"PatientName": "Nevermade, Ada"},
        {"PatientName": "ADA^NEVERMADE^MARIA"},
        {"PatientName": "MARRIED^ADA"},
        {"PatientName": "ANONYMOUS", "PatientBirthDate": "", "PatientSex": ""},
        {"PatientID": "p17 ", "PatientBirthDate": "19480101"},
        {"PatientID": "", "PatientSex": "O"},
        {"PatientID": "X99", "IssuerOfPatientID": "ELSEWHERE"},
    ],
)
def test_the_same_person_written_otherwise_is_the_same(change):
    one, two = person(**ADA, IssuerOfPatientID="HERE"), person(**{**ADA, **change})
    assert one.relation(two) is two.relation(one) is Relation.SAME
    assert one.marks & two.marks


@pytest.mark.parametrize(
    ("change", "elements"),
    [
        ({"PatientID": "P18"}, ("PatientID",)),
        ({"PatientSex": "M"}, ("PatientSex",)),
        ({"PatientBirthDate": "19490213"}, ("PatientBirthDate",)),
        ({"PatientBirthDate": "19490101"}, ("PatientBirthDate",)),
        ({"PatientName": "OTHER^BEN", "PatientBirthDate": ""}, ("PatientName",)),
        ({"PatientBirthDate": "", "PatientAge": "031Y", "StudyDate": "20200101"}, ("PatientBirthDate",)),
    ],
)
def test_a_contradiction_makes_two_people_and_is_named(change, elements):
    one, two = person(**ADA), person(**{**ADA, **change})
    assert one.contradictions(two) == two.contradictions(one) == elements
    assert one.relation(two) is Relation.DIFFERENT


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"PatientName": "ANONYMOUS"},
        {"PatientName": "Anonymous^Patient", "PatientID": "000000"},
        {"PatientName": "NO NAME", "PatientID": "N/A", "PatientBirthDate": "19000101"},
        {"PatientID": "de-identified", "PatientSex": "F"},
        {"PatientName": "匿名", "PatientID": "unknown"},
        {"PatientName": "COMMON^NAME"},
    ],
)
def test_what_identifies_nobody_agrees_with_nothing_not_even_with_itself(elements):
    assert person(**elements).relation(person(**elements)) is Relation.UNKNOWN
    assert not person(**elements).marks


def test_people_without_any_name_are_told_apart_by_sex_and_age():
    known = [
        person(PatientName="ANONYMOUS", PatientSex=sex, PatientAge=age, StudyDate="20240229")
        for sex, age in (("F", "064Y"), ("M", "031Y"), ("M", "055Y"))
    ]
    assert [one.relation(two) for one, two in zip(known, known[1:] + known[:1], strict=True)] == [
        Relation.DIFFERENT
    ] * 3


def test_hashes_compare_as_the_values_do_and_hold_none_of_them():
    people = [
        person(**ADA),
        person(**{**ADA, "PatientName": "NEVERMADE^ADA=某^甲", "PatientBirthDate": "19480101"}),
        person(**{**ADA, "PatientSex": "M"}),
        person(),
    ]
    for one in people:
        for two in people:
            hashed = one.hashed(b"salt"), two.hashed(b"salt")
            assert hashed[0].relation(hashed[1]) is one.relation(two)
            assert hashed[0].contradictions(hashed[1]) == one.contradictions(two)
    shown = repr(people[0].hashed(b"salt")).lower()
    assert not any(word in shown for word in ("p17", "nevermade", "1948", "'f'"))
    assert people[0].hashed(b"salt").relation(people[0].hashed(b"pepper")) is Relation.DIFFERENT
