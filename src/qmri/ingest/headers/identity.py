"""Who was examined, as far as a header tells: compared within a run, never written anywhere."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from pydicom.dataset import Dataset

from qmri.ingest.headers.elements import readable_text

PLACEHOLDERS = re.compile(
    r"(anon|anony|anonym|anonymous|anonyme|anonymus|anonymi[sz]ed|deidentified|redacted|removed|deleted|hidden"
    r"|unknown|undefined|unnamed|noname|none|null|nil|na|empty|blank|default|dummy|subject|patient|person|name"
    r"|no|not|de|identified|available|test|x+|n+|0*|male|female|匿名|未知|无名)"
)
"""Words that anonymisers and operators write where a name or an identifier was; they identify nobody."""
PLACEHOLDER_DATES = re.compile(r"(0000|1111|1[78]\d\d|1900|9999)\d*")
FIRST_OF_JANUARY = "0101"
"""The day that anonymisers write where they keep the year of birth."""
OLDEST_GIVEN_AGE = 89
"""Ages above are written as this one by anonymisers."""

# Elements whose words would identify a person if they stood in a description as well.
PERSONAL = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "OtherPatientNames",
    "PatientAddress",
    "AccessionNumber",
    "InstitutionName",
    "StationName",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "OperatorsName",
    "NameOfPhysiciansReadingStudy",
    "StudyID",
    "StudyDate",
)


class Relation(Enum):
    """What two headers say about each other."""

    SAME = "the same person"
    DIFFERENT = "two people"
    UNKNOWN = "nothing tells"


@dataclass(frozen=True)
class PatientIdentity:
    """What identifies a person in a header; what is absent or a placeholder is empty.

    Attributes
    ----------
    identifier, issuer
        PatientID (0010,0020) and IssuerOfPatientID (0010,0021).
    names
        Words of PatientName (0010,0010) in Latin, Chinese and other letters, in any order.
        Only names in the same letters can be compared.
    birth_date
        PatientBirthDate (0010,0030); empty also where only the year is true.
    birth_years
        The year of birth, or the two that PatientAge (0010,1010) leaves open.
    sex
        PatientSex (0010,0040), M or F.
    """

    identifier: str = ""
    issuer: str = ""
    names: tuple[frozenset[str], frozenset[str], frozenset[str]] = (frozenset(), frozenset(), frozenset())
    birth_date: str = ""
    birth_years: frozenset[str] = frozenset()
    sex: str = ""

    def contradictions(self, other: PatientIdentity) -> tuple[str, ...]:
        """Return the elements in which two headers name different people; silence contradicts nothing.

        A name may change, so it does not count where identifier and date of birth agree.
        """
        same_identifier = _agree(self.identifier, other.identifier)
        if _agree(self.issuer, other.issuer) is False:
            same_identifier = None
        born = _agree(self.birth_date, other.birth_date)
        if born is None and self.birth_years and other.birth_years:
            born = None if self.birth_years & other.birth_years else False
        renamed = self._same_name(other) is False and not (same_identifier and born)
        found = {
            "PatientID": same_identifier is False,
            "PatientName": renamed,
            "PatientBirthDate": born is False,
            "PatientSex": _agree(self.sex, other.sex) is False,
        }
        return tuple(element for element, contradicts in found.items() if contradicts)

    def relation(self, other: PatientIdentity) -> Relation:
        """Return whether two headers are of one person; what both lack is no agreement.

        An identifier, or a name with a date of birth, must agree and nothing may contradict.
        """
        if self.contradictions(other):
            return Relation.DIFFERENT
        comparable = _agree(self.issuer, other.issuer) is not False
        by_number = comparable and _agree(self.identifier, other.identifier)
        by_name = self._same_name(other) and _agree(self.birth_date, other.birth_date)
        return Relation.SAME if by_number or by_name else Relation.UNKNOWN

    @property
    def marks(self) -> frozenset[tuple[str, str]]:
        """What `relation` must find one of in both headers to call them the same person.

        The identifier, or a word of the name with the date of birth.
        """
        born = self.birth_date
        by_name = {(born, word) for words in self.names for word in words} if born else set()
        return frozenset(by_name | ({("", self.identifier)} if self.identifier else set()))

    def hashed(self, salt: bytes) -> PatientIdentity:
        """Return the same with every value replaced by its keyed hash; it compares as the original does.

        Parameters
        ----------
        salt
            Secret of the run, up to 64 bytes; two identities compare only if hashed with the same.
        """

        def hide(value: str) -> str:
            return hashlib.blake2b(value.encode(), key=salt, digest_size=16).hexdigest() if value else ""

        def hide_all(values: Iterable[str]) -> frozenset[str]:
            return frozenset(hide(value) for value in values)

        latin, chinese, other = self.names
        return PatientIdentity(
            hide(self.identifier),
            hide(self.issuer),
            (hide_all(latin), hide_all(chinese), hide_all(other)),
            hide(self.birth_date),
            hide_all(self.birth_years),
            hide(self.sex),
        )

    def _same_name(self, other: PatientIdentity) -> bool | None:
        """Tell whether one name is the other or a part of it; None where no letters are shared."""
        pairs = [(one, two) for one, two in zip(self.names, other.names, strict=True) if one and two]
        return any(one <= two or two <= one for one, two in pairs) if pairs else None


def patient_identity(header: Dataset) -> PatientIdentity:
    """Return who a DICOM header is of; damaged elements count as absent."""
    date = re.sub(r"\D", "", readable_text(header, "PatientBirthDate"))[:8]
    date = "" if len(date) != 8 or PLACEHOLDER_DATES.fullmatch(date) else date
    sex = readable_text(header, "PatientSex").upper()[:1]
    return PatientIdentity(
        identifier=_identifier(readable_text(header, "PatientID")),
        issuer=readable_text(header, "IssuerOfPatientID").casefold(),
        names=_names(readable_text(header, "PatientName")),
        birth_date="" if date.endswith(FIRST_OF_JANUARY) else date,
        birth_years=_birth_years(date, header),
        sex=sex if sex in ("M", "F") else "",
    )


def _agree(one: str, two: str) -> bool | None:
    return one == two if one and two else None


def _identifier(written: str) -> str:
    """Return an identifier without case, spaces and leading zeros; empty for a placeholder."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", written).casefold().replace("/", ""))
    meant = [word for word in words if not PLACEHOLDERS.fullmatch(word)]
    return "".join(words).lstrip("0") if meant else ""


def _names(written: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return the words of all component groups by their letters; Chinese is split into characters."""
    found: tuple[set[str], set[str], set[str]] = (set(), set(), set())
    for word in re.split(r"[\s^=,._\-/\\]+", unicodedata.normalize("NFKC", written).casefold()):
        if not word or PLACEHOLDERS.fullmatch(word) or re.search("[?\ufffd]", word):
            continue
        plain = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
        if plain.isascii():
            found[0].add(plain)
        elif all("\u4e00" <= character <= "\u9fff" for character in word):
            found[1].update(word)
        else:
            found[2].add(word)
    return frozenset(found[0]), frozenset(found[1]), frozenset(found[2])


def _birth_years(date: str, header: Dataset) -> frozenset[str]:
    if date:
        return frozenset((date[:4],))
    age = re.fullmatch(r"0*(\d+)Y", readable_text(header, "PatientAge").upper())
    examined = readable_text(header, "StudyDate")[:4]
    if age is None or not examined.isdecimal() or not 0 < int(age[1]) < OLDEST_GIVEN_AGE:
        return frozenset()
    return frozenset(str(int(examined) - int(age[1]) - earlier) for earlier in (0, 1))


def private_words(dataset: Dataset) -> frozenset[str]:
    """Return the words of a person: from three letters on, of the name also two, of ideographs the whole."""
    words = {word for name in PERSONAL for word in _words(readable_text(dataset, name)) if len(word) >= 3}
    for group in readable_text(dataset, "PatientName").casefold().split("="):
        parts = _words(group)
        words.update(part for part in parts if len(part) >= 2)
        if not group.isascii():
            words.add("".join(parts))
    return frozenset(words - {""})


def _words(content: str) -> list[str]:
    return [word for word in re.split(r"[^\w]+", content.casefold()) if word]
