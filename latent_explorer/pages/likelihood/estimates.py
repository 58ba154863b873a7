"""Chapter 4: naive Monte Carlo, IWAE and the ELBO beside the exact log p(x) of one digit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import streamlit as st

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.data import catalogue, lattice
from latent_explorer.data.digits import Floats
from latent_explorer.pages.likelihood import frame, maps, subject
from latent_explorer.pages.likelihood.numerals import two_digits
from latent_explorer.panels.chart import chart
from latent_explorer.plots import estimates as plots
from latent_explorer.theme import number
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

if TYPE_CHECKING:
    from vae_core.analysis.convergence import Estimates, Trials

K, WHOLE = "estimates_k", "estimates_whole"
NAIVE, IWAE, ELBO, EXACT, KL = "Naive", "IWAE", "ELBO", "exact", "KL"
_FIRST_K = 1000
_WANTED_ERROR = 0.1  # nats
_SHOWN_BELOW = 10.0  # nats below the ELBO at which the chart ends unless asked for all
_MOST_ERRORS = 3.0  # Monte Carlo errors by which a bound may look broken by chance


def draw(ref: CheckpointRef, split: Split) -> None:
    """Draw the chapter."""
    left, right = frame.columns()
    with right:
        is_exact = frame.offer_exact(ref)
        chosen = subject.digit_controls(ref)
    with left:
        maps.map_with_digit(ref, split, chosen)
    if chosen is None or not is_exact:
        return
    x = chosen.x.tobytes()
    found = lattice.estimates(ref, x)
    colors = _colors()
    with right:
        _headline(ref, chosen, found)
        k = _choose_k()
        race = _convergence(found, k, colors)
        st.markdown(_table(found, k))
        st.caption(
            "Nats. ESS is the effective sample size, median of the runs: how many samples of equal "
            "weight are worth as much. Near 1, a single sample decides."
        )
        _needed(ref, x)
    with left:
        st.markdown(f"##### All {lattice.ESTIMATE_RUNS} runs at K = {k:,}")
        dots = plots.spread(runs=_values(found, k), lines=_lines(found), colors=colors)
        chart(dots, key="estimates_spread", alt=f"The runs' estimates at K = {k:,}")
        parts = _decomposition(found, colors)
        _self_check(found, k)
    frame.show_answer(
        "Nearly all samples of the prior miss the digit, so the naive mean is far too low until "
        "one of them hits, while q(z|x) tells where to look and needs few samples. The ELBO is a "
        "bound that even one sample estimates, and what it lacks to log p(x) is exactly how far "
        "q(z|x) is from the true posterior.",
        _formula(),
    )
    frame.show_end(ref, code="4_estimates.py", figures=[race, dots, parts])


def _choose_k() -> int:
    st.caption(
        "Naive Monte Carlo averages p(x|z) over K samples of the prior, IWAE a weighted p(x|z) "
        f"over K samples of q(z|x). Each is run {lattice.ESTIMATE_RUNS} times, to see how far "
        "a single run can be off."
    )
    st.session_state.setdefault(K, _FIRST_K)
    return st.select_slider(
        "K, how many samples each run draws",
        lattice.ESTIMATE_SAMPLES,
        format_func="{:,}".format,
        key=K,
        persist_state="session",
    )


def _headline(ref: CheckpointRef, chosen: subject.ChosenDigit, found: Estimates) -> None:
    is_binary = catalogue.stored(ref).header.model.likelihood == "bernoulli"
    with st.container(horizontal=True, vertical_alignment="center"):
        caption = "binarised" if is_binary else "grey"
        digit_strip([DigitImage(chosen.x, chosen.name, caption)], key="estimates_digit", size=96)
        st.markdown(
            f"log p(x), exact: **{number(found.log_px, 2)} nats**  \n"
            f"ELBO: **{number(found.elbo, 2)} nats**"
        )


def _convergence(found: Estimates, k: int, colors: dict[str, str]) -> plots.go.Figure:
    is_whole = st.toggle("Show the lowest estimates too", key=WHOLE, persist_state="session")
    runs = {NAIVE: found.naive.value.numpy(), IWAE: found.iwae.value.numpy()}
    lowest = min(float(values.min()) for values in runs.values())
    figure = plots.convergence(
        n_samples=lattice.ESTIMATE_SAMPLES,
        runs=runs,
        lines=_lines(found),
        chosen=k,
        lowest=lowest if is_whole else max(lowest, found.elbo - _SHOWN_BELOW),
        colors=colors,
    )
    alt = "Estimates of log p(x) against the number of samples K, with the exact value and the ELBO"
    chart(figure, key="estimates_race", alt=alt)
    return figure


def _table(found: Estimates, k: int) -> str:
    """Lay out what each estimator says at K."""
    lines = [f"| K&nbsp;=&nbsp;{k:,} | median | 90&nbsp;% of runs | ESS |", "|:--|--:|--:|--:|"]
    for name, runs in ((NAIVE, found.naive), (IWAE, found.iwae)):
        at = _at_k(runs, k)
        between = f"{number(at.low, 2)} to&nbsp;{number(at.high, 2)}"
        lines.append(f"| {name} | {number(at.median, 2)} | {between} | {at.ess:,.1f} |")
    return "\n".join(lines)


def _needed(ref: CheckpointRef, x: bytes) -> None:
    """Say how many prior samples a small error takes, and how the runs are computed."""
    relative_variance = lattice.explanation(ref, x).relative_variance()
    n = relative_variance / _WANTED_ERROR**2
    st.markdown(
        f"For a standard error of {_WANTED_ERROR:g} nat, naive Monte Carlo needs about "
        f"**{two_digits(n)} prior samples** for this digit."
    )
    st.caption(
        f"K = (E[w²] / E[w]² − 1) / {_WANTED_ERROR:g}², with w = p(x|z) and both means under the "
        f"prior exact, by the lattice: {relative_variance:,.0f} / {_WANTED_ERROR**2:g}. The runs' "
        f"{lattice.ESTIMATE_RUNS * lattice.ESTIMATE_SAMPLES[-1]:,} prior samples are true ones; "
        "p(x|z) of each is read at the nearest node of the decoded lattice, 0.02 z units away at "
        "most on either axis and less where p(z|x) is sharp, since to decode them all would take "
        "many minutes. IWAE's samples of q(z|x) are rounded to a third of its standard deviation."
    )


def _decomposition(found: Estimates, colors: dict[str, str]) -> plots.go.Figure:
    st.markdown("##### log p(x) = ELBO + KL(q(z|x) ‖ p(z|x))")
    figure = plots.decomposition(log_px=found.log_px, elbo=found.elbo, kl=found.kl, colors=colors)
    chart(figure, key="estimates_parts", alt="ELBO plus KL beside the exact log p(x)")
    both = found.elbo + found.kl
    st.markdown(
        f"{number(found.elbo, 2)} + {number(found.kl, 2)} = **{number(both, 2)}**, the lattice "
        f"says **{number(found.log_px, 2)}**: difference {number(both - found.log_px, 2)} nats, "
        f"with a standard error of {number(found.elbo_stderr, 2)} from the ELBO's 1,000 samples."
    )
    return figure


def _self_check(found: Estimates, k: int) -> None:
    """Check in front of the user that bounds are bounds."""
    for check in _bound_checks(found, k):
        icon, sign = (":material/check_circle:", "≤") if check.holds else (":material/error:", ">")
        st.markdown(
            f"{icon} **{check.low} {sign} {check.high}**: {check.high} − {check.low} = "
            f"{number(check.difference)} ± {number(check.error)} nats"
        )
    st.caption(
        f"IWAE-{k:,} here is the mean of the {lattice.ESTIMATE_RUNS} runs. ± is the Monte Carlo "
        f"error; a difference below 0 by less than {_MOST_ERRORS:g} of it is chance."
    )


def _values(found: Estimates, k: int) -> dict[str, Floats]:
    column = lattice.ESTIMATE_SAMPLES.index(k)
    return {
        name: runs.value[:, column].numpy()
        for name, runs in ((NAIVE, found.naive), (IWAE, found.iwae))
    }


def _lines(found: Estimates) -> dict[str, float]:
    return {EXACT: found.log_px, ELBO: found.elbo}


def _colors() -> dict[str, str]:
    """Colours of the charts: each estimator has that of what its samples come from."""
    terms = frame.colors()
    return {
        NAIVE: terms["prior"],
        IWAE: terms["encoder"],
        ELBO: terms["likelihood"],
        EXACT: terms["evidence"],
        KL: terms["posterior"],
    }


def _formula() -> str:
    exact = frame.symbol("evidence", r"\log p(x)")
    elbo = frame.symbol("likelihood", r"\mathrm{ELBO}")
    kl = frame.symbol("posterior", r"\mathrm{KL}(q(z \mid x) \,\|\, p(z \mid x))")
    naive = frame.symbol("prior", r"\log \tfrac1K \textstyle\sum_k p(x \mid z_k),\ z_k \sim p(z)")
    weight = r"\tfrac{p(x \mid z_k)\, p(z_k)}{q(z_k \mid x)}"
    iwae = frame.symbol(
        "encoder", rf"\log \tfrac1K \textstyle\sum_k {weight},\ z_k \sim q(z \mid x)"
    )
    return (
        rf"\begin{{aligned}} {exact} &= {elbo} + {kl} \\ &\approx {naive} \\ "
        rf"&\approx {iwae} \end{{aligned}}"
    )


class _AtK(NamedTuple):
    """What the runs of one estimator say at one K."""

    median: float  # nats
    low: float  # nats, and high: 90 % of the runs lie between
    high: float
    mean: float  # nats
    stderr: float  # nats, of the mean
    ess: float  # median effective sample size


def _at_k(trials: Trials, k: int) -> _AtK:
    """Summarise the runs of an estimator at one of its K."""
    column = trials.n_samples.tolist().index(k)
    values, ess = trials.value[:, column].numpy(), trials.ess[:, column].numpy()
    low, median, high = np.quantile(values, (plots.LOW, 0.5, plots.HIGH)).tolist()
    stderr = float(values.std(ddof=1)) / math.sqrt(len(values))
    return _AtK(median, low, high, float(values.mean()), stderr, float(np.median(ess)))


class _BoundCheck(NamedTuple):
    """Whether what should be below something else is, within the Monte Carlo error."""

    low: str  # what should lie below
    high: str
    difference: float  # nats, high less low
    error: float  # nats, standard error of the difference

    @property
    def holds(self) -> bool:
        """Whether the difference is no less than chance allows."""
        return self.difference >= -_MOST_ERRORS * self.error


def _bound_checks(found: Estimates, k: int) -> list[_BoundCheck]:
    """Check the ELBO against the mean of IWAE's runs at K, and that against the exact value."""
    iwae, name = _at_k(found.iwae, k), f"IWAE-{k:,}"
    error = math.hypot(found.elbo_stderr, iwae.stderr)
    return [
        _BoundCheck("ELBO", name, iwae.mean - found.elbo, error),
        _BoundCheck(name, "exact", found.log_px - iwae.mean, iwae.stderr),
    ]
