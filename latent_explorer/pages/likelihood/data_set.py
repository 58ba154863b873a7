"""Chapter 2: one z against the whole data set, and why every digit gets an integral of its own."""

from __future__ import annotations

import numpy as np
import streamlit as st

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.data import catalogue, digits, lattice, observations
from latent_explorer.pages.likelihood import frame, maps, subject
from latent_explorer.pages.likelihood.numerals import power_of_ten
from latent_explorer.pages.likelihood.votes import Vote, vote, written
from latent_explorer.panels.chart import chart
from latent_explorer.plots.likelihoods import likelihood_histogram
from latent_explorer.session.current import current
from latent_explorer.session.places import place_of_latent
from latent_explorer.theme import number
from vae_core.checkpoints import CheckpointRef
from vae_core.data import N_TEST, Split

_BEST, _WORST = "likelihood_best", "likelihood_worst"
_N_SHOWN = 6
_N_BINS = 60


def draw(ref: CheckpointRef, split: Split) -> None:
    """Draw the chapter."""
    here = subject.chosen_place()
    left, right = frame.columns()
    with left:
        maps.map_with_place(ref, split)
    log_px_z = observations.test_log_px_z(ref, here.z)
    lives = vote(ref, here.z)
    figure = likelihood_histogram(
        log_px_z=log_px_z,
        labels=digits.labels()[digits.SPLITS["test"]],
        label=lives.label,
        edges=np.linspace(*observations.log_px_z_range(ref), _N_BINS + 1),
        mean=float(log_px_z.mean(dtype=np.float64)),
        colors=frame.colors(),
    )
    with right:
        subject.place_controls(ref)
        if frame.is_exact(ref):
            st.button(
                "The one z that is best for all digits together",
                on_click=_on_best,
                icon=":material/target:",
                help="The highest sum of log p(x_i|z) over the test digits, among all z of the "
                "lattice. The first time it takes some seconds.",
            )
        st.markdown(f"**log p(x|z) of the 10,000 test digits at z = {written(here.z)}**")
        chart(
            figure, key="likelihood_histogram", alt="Histogram of log p(x|z) over the test digits"
        )
        st.caption(_said_of_histogram(ref, lives))
    _best_and_worst(log_px_z)
    _products(ref, log_px_z)
    _answer()
    frame.show_end(ref, code="2_data_set.py", figures=[figure])


def _said_of_histogram(ref: CheckpointRef, lives: Vote) -> str:
    is_binary = catalogue.stored(ref).header.model.likelihood == "bernoulli"
    what = (
        "the logarithm of the probability that p(x|z) gives exactly its pixels, in nats: −100 nats "
        f"is {power_of_ten(-100)}"
        if is_binary
        else "the log density of p(x|z) at its pixels"
    )
    return (
        f"How well this z explains each digit: {what}. Dotted: the mean. {lives.said_who()}. "
        f"{lives.said_how()}"
    )


def _best_and_worst(log_px_z: digits.Floats) -> None:
    order = log_px_z.argsort()
    best, worst = st.columns(2, gap="medium")
    with best:
        st.markdown("**Explained best by this z**, log p(x|z) in nats")
        _digits(log_px_z, order[::-1][:_N_SHOWN], _BEST)
    with worst:
        st.markdown("**Explained worst**, in nats")
        _digits(log_px_z, order[:_N_SHOWN], _WORST)


def _answer() -> None:
    evidence = frame.symbol("evidence", "p(x_i)")
    likelihood = frame.symbol("likelihood", r"p(x_i \mid z)")
    prior = frame.symbol("prior", "p(z)")
    frame.show_answer(
        "No single z creates all the digits: each z is good for a few and hopeless for the rest. "
        f"So every digit gets an integral of its own, ${evidence}$, in which the z that suit it "
        "do the work, and training maximises the sum of their logarithms.",
        rf"\begin{{gathered}}\sum_i \log {evidence} = \sum_i \log \int {likelihood}\,"
        rf"{prior}\,dz \\ \text{{and not}}\quad \log \int \Bigl(\prod_i {likelihood}\Bigr)"
        rf"{prior}\,dz\end{{gathered}}",
    )


def _on_best() -> None:
    ref, _ = current()
    subject.set_place(place_of_latent(ref, lattice.best_z(ref)))


def _digits(log_px_z: digits.Floats, rows: np.ndarray, key: str) -> None:
    start = digits.SPLITS["test"].start
    images = [
        DigitImage(
            digits.pixels(start + row),
            f"a {digits.labels()[start + row]}",
            number(float(log_px_z[row]), 1),
        )
        for row in rows.tolist()
    ]
    digit_strip(images, key=key, size=72, per_row=_N_SHOWN)


def _products(ref: CheckpointRef, log_px_z: digits.Floats) -> None:
    """Compare one z for all digits with an integral for each, as sums and as products."""
    total = float(log_px_z.sum(dtype=np.float64))
    rows = [("This one z for all of them, Σ log p(xᵢ\\|z)", total)]
    metric = catalogue.metrics(ref).get("log_px")
    log_px = None if metric is None else metric.value
    if metric is not None and log_px is not None:
        n = N_TEST if metric.data is None else metric.data.count
        how = "exact" if n == N_TEST else f"from {n:,} of them"
        rows.append((f"An integral for each, Σ log p(xᵢ), {how}", log_px * N_TEST))
    density = catalogue.stored(ref).header.model.likelihood != "bernoulli"
    kind = "density" if density else "probability"
    lines = [f"| | mean, nats per digit | {kind} of all 10,000 |", "|:--|--:|--:|"]
    lines += [f"| {name} | {number(s / N_TEST, 2)} | {power_of_ten(s)} |" for name, s in rows]
    st.markdown("\n".join(lines))
    if log_px is None:
        why = "not measured" if metric is None else metric.method
        st.caption(f"No log p(x) of this checkpoint to compare with: {why.removeprefix('none: ')}.")
        return
    gain = log_px * N_TEST - total
    st.caption(
        "The product of 10,000 numbers has an absurd exponent, which is why everybody adds "
        f"logarithms. Letting every digit have its own z makes the test set {power_of_ten(gain)} "
        "times as likely as this one z does."
    )
