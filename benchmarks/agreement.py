"""How often the 95 % intervals of `qmri compare` hold the truth: figures of docs/markers.md.

    python benchmarks/agreement.py                   a minute: 300 tables of each setting
    python benchmarks/agreement.py --tables 1000     the figures of the page

Levels are nested in participants, 1 to 12 of each. The variance of the differences has a share between
participants of 0.1, 0.5 or 0.9. They are normal; normal with one level in twenty four times as far off; of
heavy tails (Student's t of 5 degrees); skewed (exponential); or none at all for seven levels in ten, as where
a second reader leaves an outline as it was.
`bootstrap` is the interval of the bias up to 0.2: participants drawn anew, percentiles.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from qmri.measure.comparison.agreement import agree

Values = np.ndarray
SHIFT, SCALE = 0.2, 0.4
SHARES = (0.1, 0.5, 0.9)
ERRORS = ("normal", "outliers", "heavy tails", "skewed", "mostly none")
NAMES = ("bootstrap", "bias", "lower", "upper", "ICC(A,1)", "ICC(C,1)")


def errors(kind: str, rng: np.random.Generator, size: int) -> Values:
    """Draw values (size,) of mean 0 and variance 1."""
    normal = rng.standard_normal(size)
    if kind == "outliers":
        return normal * np.where(rng.random(size) < 0.05, 4, 1) / np.sqrt(0.05 * 16 + 0.95)
    if kind == "heavy tails":
        return rng.standard_t(5, size) / np.sqrt(5 / 3)
    if kind == "skewed":
        return rng.exponential(size=size) - 1
    if kind == "mostly none":
        return normal * (rng.random(size) < 0.3) / np.sqrt(0.3)
    return normal


def draw(
    kind: str, share: float, participants: int, rng: np.random.Generator
) -> tuple[Values, Values, Values]:
    """Return both measurements (n,) and the participant of each; 1 to 12 levels of a participant."""
    levels = rng.integers(1, 13, participants)
    levels[0] = max(levels[0], 3)
    owner = np.repeat(np.arange(participants), levels)
    truth = (rng.standard_normal(participants)[owner] + rng.standard_normal(len(owner))) / np.sqrt(2)
    between = "normal" if kind in ("outliers", "mostly none") else kind
    share = 0.0 if kind == "mostly none" else share
    off = np.sqrt(share) * errors(between, rng, participants)[owner]
    off = SHIFT + SCALE * (off + np.sqrt(1 - share) * errors(kind, rng, len(owner)))
    return truth - off / 2, truth + off / 2, owner


def bootstrap(difference: Values, owner: Values, rng: np.random.Generator, samples: int = 500) -> Values:
    """Return the percentile interval of the mean difference when participants are drawn anew."""
    sums, sizes = np.bincount(owner, difference), np.bincount(owner)
    draws = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=samples)
    return np.percentile((draws @ sums) / (draws @ sizes), [2.5, 97.5])


def held(kind: str, share: float, participants: int, tables: int) -> Iterator[tuple[float, ...]]:
    """Yield for each table whether each interval holds the truth; NaN where there is none."""
    rng = np.random.default_rng(15)
    shift_part = SHIFT**2 / 2
    truths = {
        "bias": SHIFT,
        "lower": SHIFT - 1.96 * SCALE,
        "upper": SHIFT + 1.96 * SCALE,
        "icc_agreement": (1 - SCALE**2 / 4) / (1 + SCALE**2 / 4 + shift_part),
        "icc_consistency": (1 - SCALE**2 / 4) / (1 + SCALE**2 / 4),
    }
    for _ in range(tables):
        first, second, owner = draw(kind, share, participants, rng)
        found = vars(agree(first, second, owner))
        low, high = bootstrap(second - first, owner, rng)
        yield (
            float(low <= SHIFT <= high),
            *(
                np.nan
                if np.isnan(found[f"{name}_low"])
                else float(found[f"{name}_low"] <= truth <= found[f"{name}_high"])
                for name, truth in truths.items()
            ),
        )


def main() -> None:
    """Print the coverage of each interval in each setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tables", type=int, default=300)
    parser.add_argument("--participants", type=int, nargs="+", default=[2, 3, 5, 10, 50])
    options = parser.parse_args()
    print(f"{'participants':>12}  {'differences':<12}" + "".join(f"{name:>11}" for name in NAMES))
    for participants in options.participants:
        for kind in ERRORS:
            shares = SHARES[:1] if kind == "mostly none" else SHARES
            found = [np.array(list(held(kind, share, participants, options.tables))) for share in shares]
            least = np.min([np.nanmean(each, axis=0) for each in found], axis=0)
            print(
                f"{participants:>12}  {kind:<12}" + "".join(f"{value:>11.3f}" for value in least), flush=True
            )
    print("Each figure is the least of three shares between participants.")


if __name__ == "__main__":
    main()
