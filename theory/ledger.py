"""The ledger: every claim by its id, and what came of checking its proof."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from theory import losses, operator
from theory.asked import listed, shown
from theory.claim import Cited, Claim, Rate, Refuted
from theory.mutants import mutants
from theory.proof import Checked
from theory.rates.biased import R8
from theory.rates.convex_average import R1
from theory.rates.convex_decaying import R2
from theory.rates.convex_last_iterate import R3
from theory.rates.gap_adaptive import ANNEALED_BIAS, ANNEALED_SMOOTH, R14, R14_GAP
from theory.rates.matching import matching
from theory.rates.minibatch import R11, R11r, R11x
from theory.rates.momentum import R9
from theory.rates.polyak_lojasiewicz import CONDITIONING, R7
from theory.rates.reshuffling import R12
from theory.rates.smooth_convex import COCOERCIVE, R5, R5s
from theory.rates.smooth_nonconvex import R6, R6t
from theory.rates.strongly_convex import R4
from theory.rates.weakly_convex import R10
from theory.readings.exact import MONOTONE, ROUTING, exact
from theory.readings.inexact import BIAS, BIAS_MEAN, GAP_MEAN, GAP_MEAN_SQUARE
from theory.readings.smoothed import BEST_SMOOTHING, smoothed
from theory.second_opinion import SecondOpinion, second_opinion
from theory.steps import Lemma


class UnknownClaim(KeyError):
    """A claim that the ledger does not have."""

    def __str__(self) -> str:
        return " ".join(str(self.args[0]).split())


class Claims(Mapping[str, Claim]):
    """Claims by id, in ledger order.

    Raises:
        ValueError: two claims have one id.
        UnknownClaim: on access, an id that is not there.
    """

    def __init__(self, entries: Iterable[Claim]) -> None:
        self._entries: dict[str, Claim] = {}
        for claim in entries:
            if claim.id in self._entries:
                raise ValueError(f"two claims are called {claim.id!r}")
            self._entries[claim.id] = claim

    def __getitem__(self, id: str) -> Claim:
        try:
            return self._entries[id]
        except (KeyError, TypeError):  # what has no hash is no id
            raise UnknownClaim(f"unknown claim {shown(id)}: the ledger has {', '.join(self._entries)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


SECTIONS: dict[str, tuple[Claim, ...]] = {
    "Operator": operator.CLAIMS,
    "Losses": losses.CLAIMS,
    "Rates": (
        R1,
        R2,
        R3,
        R4,
        R5,
        R5s,
        COCOERCIVE,
        R6,
        R6t,
        R7,
        CONDITIONING,
        R8,
        R9,
        R10,
        R11,
        R11r,
        R11x,
        R12,
        R14,
        R14_GAP,
    ),
    "Readings": (
        *(exact(rate, loss) for rate in (R1, R2, R3) for loss in (ROUTING, MONOTONE)),
        *(smoothed(rate) for rate in (R1, R3, R5s)),
        BEST_SMOOTHING,
        BIAS,
        GAP_MEAN,
        GAP_MEAN_SQUARE,
        BIAS_MEAN,
        ANNEALED_SMOOTH,
        ANNEALED_BIAS,
        *(matching(rate) for rate in (R1, R2, R3, R4, R5s, R6, R9, R10, R12)),
    ),
}

claims = Claims(claim for section in SECTIONS.values() for claim in section)


def needs(claim: Claim) -> tuple[str, ...]:
    """Ids of the claims that ``claim`` takes over: what it is about, its lemmas, and what proves its assumptions."""
    lemmas = [*claim.about, *(step.claim.id for step in claim.proof if isinstance(step, Lemma))]
    return tuple(dict.fromkeys([*lemmas, *(id for assumption in claim.assumptions for id in assumption.proved_by)]))


def rests_on(claim: Claim) -> tuple[str, ...]:
    """The published results, not proved here, that ``claim`` takes over, itself or through the claims that it needs."""
    own = [assumption.result for assumption in claim.assumptions if assumption.result]
    taken = [result for id in needs(claim) for result in rests_on(claims[id])]
    return tuple(dict.fromkeys([*own, *taken]))


@dataclass(frozen=True)
class Row:
    """One line of the ledger.

    Attributes:
        claim: what is claimed.
        checked: what came of its proof.
        opinion: what z3 says of the same steps.
        tuned: whether the certificate of the tuned step size holds too (vacuous for a claim without steps).
        mutants_total: how many damaged copies were made.
        survivors: the damage of those that the checker did not refuse; must be empty.
    """

    claim: Claim
    checked: Checked
    opinion: SecondOpinion
    tuned: bool
    mutants_total: int
    survivors: tuple[str, ...]

    @property
    def mutants_refused(self) -> int:
        """How many damaged copies were refused."""
        return self.mutants_total - len(self.survivors)

    @property
    def status(self) -> str:
        """What may be said of the claim.

        ``cited``: it is stated without proof. ``refused``: a step, the tuning or the check on mutants fails, or z3 has
        a model against a step. ``refuted``: a counterexample shows that the statement is false. ``conditional``: proved
        from assumptions among which there is a published result that is not proved here. ``proved``: proved from the
        claim's own hypotheses and other rows of the ledger.
        """
        if isinstance(self.claim, Cited):
            return "cited"
        if not (self.checked.proved and self.tuned) or self.survivors or self.opinion.disagreements:
            return "refused"
        if isinstance(self.claim, Refuted):
            return "refuted"
        return "conditional" if rests_on(self.claim) else "proved"

    @property
    def residual(self) -> str:
        """The first non-zero residual as text; ``"0"`` in a proof."""
        if self.checked.residual == 0 and isinstance(self.claim, Rate):
            return str(self.claim.tuning.residual)
        return str(self.checked.residual)


def ledger(entries: Iterable[Claim] | None = None, with_mutants: bool = True) -> Iterator[Row]:
    """Check every claim (all of them by default), one row at a time; without mutants in a tenth of the time.

    Raises:
        ValueError: an entry is no claim, or ``with_mutants`` neither True nor False.
    """
    if not isinstance(with_mutants, bool):
        raise ValueError(f"with_mutants = {shown(with_mutants)}; expected True or False; try with_mutants=True")
    for claim in claims.values() if entries is None else listed("entries", entries):
        if not isinstance(claim, Claim):
            raise ValueError(f"{shown(claim)} is no claim; expected claims; try [claims['R1']]")
        checked = claim.prove()
        made = list(mutants(claim)) if checked.proved and with_mutants else []
        survivors = tuple(mutant.damage for mutant in made if not mutant.refused(checked))
        opinion = second_opinion(claim, checked)
        tuned = claim.tuning.residual == 0 if isinstance(claim, Rate) else True
        yield Row(claim, checked, opinion, tuned, len(made), survivors)
