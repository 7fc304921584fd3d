"""The one error a user sees: which file, what was found, what was expected, what to do."""

from __future__ import annotations


class QmriError(Exception):
    """A refusal that names its cause and its remedy.

    Parameters
    ----------
    problem
        One sentence: what cannot be done and why.
    where
        The file, series or examination concerned, by a name that identifies no patient.
    found, expected
        What the data say and what was needed instead.
    remedy
        What the user does next.
    """

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        found: str | None = None,
        expected: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where
        self.found = found
        self.expected = expected
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the message, one labelled line for each part that is known."""
        lines = [self.problem]
        for label in ("where", "found", "expected", "remedy"):
            text = getattr(self, label)
            if text:
                lines.append(f"  {label + ':':<10}{text}")
        return "\n".join(lines)

    @property
    def reason(self) -> str:
        """The message on one line, for a table cell."""
        parts = [self.problem, f"found {self.found}" if self.found else ""]
        parts.append(f"expected {self.expected}" if self.expected else "")
        return "; ".join(part for part in parts if part)
