"""The metrics of one model, as `evaluate` prints them and headers keep them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from vae_core.analysis.aggregate import SPACING, aggregate_posterior
from vae_core.analysis.projection import encode_images
from vae_core.comparison.clusters import VOTERS, class_agreement
from vae_core.comparison.neighbourhoods import N_FOLDS
from vae_core.data import ByteArray, DataSet, UnlabelledSet, binarise
from vae_core.estimators import elbo_samples, log_px_iwae
from vae_core.exact.adaptive import LIVE_SPACING, RADIUS, REPORTED_SPACING
from vae_core.exact.evidence import lattice_error, log_px_exact
from vae_core.exact.lattice import DecodedLattice
from vae_core.identity import DataIdentity, identify
from vae_core.joint import log_px_z
from vae_core.metrics import Metric, Metrics, based
from vae_core.models import VAE
from vae_core.posterior import Posterior
from vae_core.progress import Report, Stages, unreported

BINARISATION_SEED = 0
_ELBO_SAMPLES = 8
_BATCH = 1000
_N_TRAINING = 10_000  # training images whose log p(x) is measured


def evaluate_model(
    model: VAE,
    data: DataSet | UnlabelledSet,
    *,
    name: str = "data without a name",
    train: DataSet | UnlabelledSet | None = None,
    n_images: int | None = None,
    spacing: float = REPORTED_SPACING,
    iwae_samples: int = 0,
    n_certified: int = 0,
    report: Report = unreported,
) -> Metrics:
    """Measure a model on a test set.

    Parameters
    ----------
    model : VAE
        In the precision that its file keeps.
    data : DataSet or UnlabelledSet
        Test images, and labels if there are any: those of classes need them.
    name : str
        Of the data set, as the metrics' identities give it; MNIST is known by its content.
    train : DataSet or UnlabelledSet, optional
        What it was trained on: up to 10,000 of it give one more metric, their exact log p(x).
    n_images : int, optional
        How many of the images to measure, chosen at random, always the same; by default all test
        images. Every metric's method says so.
    spacing : float
        Of the lattice for the exact log p(x), z units.
    iwae_samples : int
        K of an extra IWAE; 0 leaves it out.
    n_certified : int
        Of how many images, the first, to add by how much `lattice_error` says that their exact
        log p(x) may be off, and how wide their exact p(z|x) is; 0 leaves it out.
    report : Report
        Told how far it is.

    Returns
    -------
    dict
        Name to `Metric`, each with the identity of the data that it is of.
    """
    whole = identify(*data, name=name, split="test")
    rows = _chosen(len(data.images), n_images)
    x = model_input(model, data)[torch.as_tensor(rows)]
    labels = None if data.labels is None else data.labels[rows]
    dims = model.config.latent_dim
    n_train = 0 if train is None or dims > 2 else min(len(train.images), n_images or _N_TRAINING)
    if model.config.posterior == "point":
        n_train = 0
    stages = Stages(report, _costs(len(rows), n_train, dims, spacing, iwae_samples))
    metrics: Metrics = {}
    if model.config.posterior == "point":
        why = "none: a plain autoencoder has neither q(z|x) nor a prior"
        for each in ("log_px", "elbo", "kl"):
            metrics[each] = _absent("nats", why)
        at_code = torch.cat([_reconstruction(model, rows) for rows in torch.split(x, _BATCH)])
        metrics["reconstruction"] = _mean(at_code, "nats", "log p(x|z) at the code z(x)")
    else:
        metrics |= _bounds(model, x, stages, spacing=spacing, iwae_samples=iwae_samples)
        if n_certified and dims <= 2:
            metrics |= _certificate(model, x[:n_certified], spacing)
        elif n_certified:
            why = f"none: no lattice with {dims} latent dimensions"
            metrics |= {each: _absent("nats", why) for each in ("log_px_error", "log_px_worst")}
    posterior = encode_images(model, data.images[rows])
    if model.config.posterior == "gaussian":
        method = "median over digits and dimensions of the standard deviation of q(z|x), grey input"
        metrics["posterior_std"] = Metric(float(posterior.std.median()), None, "z units", method)
    metrics |= _clusters(posterior.mu, labels)
    metrics = _of_data(metrics, whole, len(rows))
    if train is not None and n_train:
        of_train = identify(*train, name=whole.name, split="train")
        measured = _on_training_images(model, train, n_train, stages.of("training images"))
        metrics["log_px_train"] = measured._replace(data=replace(of_train, count=n_train))
    report(1.0)
    return based(metrics, model.config)


def _chosen(n: int, n_wanted: int | None) -> NDArray[np.int64]:
    """Rows of those that are measured, in order."""
    if n_wanted is None or n_wanted >= n:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, n_wanted, replace=False))


def _of_data(metrics: Metrics, whole: DataIdentity, n: int) -> Metrics:
    """Say of which data metrics are, and where they are of a part of it, that they are."""
    part = "" if n == whole.count else f"; {n:,} of the {whole.count:,} test images"
    return {
        name: metric._replace(method=metric.method + part, data=replace(whole, count=n))
        for name, metric in metrics.items()
    }


def _costs(n: int, n_train: int, dims: int, spacing: float, iwae_samples: int) -> dict[str, float]:
    """About how many seconds of one core each stage takes, on a small network."""
    lattice = (LIVE_SPACING / spacing if dims == 2 else 0.02) if dims <= 2 else 0.0
    return {
        "log p(x)": lattice * (5 + n / 100),
        "bounds": 3 + n / 1000 + iwae_samples * n / 50_000,
        "training images": (1.0 if dims == 2 else 0.02) * (5 + n_train / 100) if n_train else 0.0,
        "classes": 0.1 + (n / 4000) ** 2,
    }


def _certificate(model: VAE, x: Tensor, spacing: float) -> Metrics:
    error = lattice_error(model, x, spacing=spacing).double()
    method = f"change of log p(x) of {len(x):,} images with the spacing halved and the disc widened"
    lattice = DecodedLattice(model, spacing=max(spacing, LIVE_SPACING))
    std = torch.stack([lattice.explain(image).std() for image in x])
    of_std = "median over digits and dimensions of the standard deviation of p(z|x), exact"
    return {
        "log_px_error": Metric(float(error.mean()), None, "nats", f"mean absolute {method}"),
        "log_px_worst": Metric(float(error.max()), None, "nats", f"largest {method}"),
        "exact_std": Metric(
            float(std.median()), None, "z units", f"{of_std}, of {len(x):,} images"
        ),
    }


def _on_training_images(
    model: VAE, train: DataSet | UnlabelledSet, n: int, report: Report
) -> Metric:
    rows = np.random.default_rng(0).choice(len(train.images), n, replace=False)
    x = model_input(model, UnlabelledSet(train.images[rows]))
    log_px = log_px_exact(model, x, spacing=LIVE_SPACING, report=report)
    method = f"exact: lattice, spacing {LIVE_SPACING:g} and finer where needed"
    return _mean(log_px, "nats", f"{method}; {n:,} training images")


def model_input(model: VAE, data: DataSet | UnlabelledSet) -> Tensor:
    """Build what the likelihood explains, (N, 784): one fixed binarisation, or grey pixels."""
    x = torch.as_tensor(data.images.reshape(len(data.images), -1).copy()).float().div_(255.0)
    if model.config.likelihood == "bernoulli":
        return binarise(x, Generator().manual_seed(BINARISATION_SEED))
    return x


def _bounds(model: VAE, x: Tensor, stages: Stages, *, spacing: float, iwae_samples: int) -> Metrics:
    metrics: Metrics = {}
    generator = Generator().manual_seed(1)
    log_px = None
    if model.config.latent_dim <= 2:
        method = f"exact: lattice, spacing {spacing:g} and finer where needed, |z| < {RADIUS}"
        log_px = log_px_exact(model, x, spacing=spacing, report=stages.of("log p(x)"))
        metrics["log_px"] = _mean(log_px, "nats", method)
    else:
        method = f"none: no lattice with {model.config.latent_dim} latent dimensions, see IWAE"
        metrics["log_px"] = _absent("nats", method)
    with torch.no_grad():
        posterior = model.encode(x)
    batches = list(zip(torch.split(x, _BATCH), posterior.split(_BATCH), strict=True))
    kls: list[Tensor] = []
    reconstructions: list[Tensor] = []
    report = stages.of("bounds")
    for rows, q in batches:
        kl, at_samples = elbo_samples(
            model, rows, n_samples=_ELBO_SAMPLES, generator=generator, posterior=q
        )
        kls.append(kl)
        reconstructions.append(at_samples.mean(0))
    kl, reconstruction = torch.cat(kls), torch.cat(reconstructions)
    sampled = f"{_ELBO_SAMPLES} samples of q(z|x)"
    is_normal = model.config.prior == "normal"
    method = f"{'analytic KL' if is_normal else 'KL by quadrature'}, {sampled}"
    metrics["elbo"] = _mean(reconstruction - kl, "nats", method)
    prior = "N(0, I)" if is_normal else "a Gaussian per digit"
    metrics["kl"] = _mean(kl, "nats", f"KL(q(z|x) ‖ p(z)), p(z) = {prior}")
    metrics["reconstruction"] = _mean(reconstruction, "nats", f"E_q log p(x|z), {sampled}")
    if log_px is not None:
        method = "KL(q(z|x) ‖ p(z|x)), as exact log p(x) − ELBO"
        metrics["gap"] = _mean(log_px - reconstruction + kl, "nats", method)
    if model.config.latent_dim == 2:
        metrics |= _of_aggregate(model, posterior, float(kl.double().mean()))
    if iwae_samples:
        parts: list[Tensor] = []
        for i, (rows, q) in enumerate(batches):
            report(i / len(batches))
            estimate = log_px_iwae(
                model, rows, n_samples=iwae_samples, generator=generator, posterior=q
            )
            parts.append(estimate.value)
        metrics["iwae"] = _mean(torch.cat(parts), "nats", f"IWAE, K = {iwae_samples}")
    report(1.0)
    return metrics


def _of_aggregate(model: VAE, posterior: Posterior, mean_kl: float) -> Metrics:
    """KL of the aggregate posterior to the prior, and the information that z carries about x.

    E_x KL(q(z|x) ‖ p(z)) = I(x; z) + KL(q(z) ‖ p(z)): Hoffman & Johnson, "ELBO surgery", 2016.
    """
    kl = aggregate_posterior(model, posterior).kl
    n_images = len(posterior.mu)
    method = f"q(z) = mean q(z|x) of the {n_images:,} images, grid of spacing {SPACING:g}"
    return {
        "aggregate_kl": Metric(kl, None, "nats", f"KL(q(z) ‖ p(z)), {method}"),
        "mutual_information": Metric(
            mean_kl - kl, None, "nats", f"I(x; z) = KL − aggregate KL, {method}"
        ),
    }


def _clusters(mu: Tensor, labels: ByteArray | None) -> Metrics:
    names = (*(f"knn{k}" for k in VOTERS), "silhouette", "nmi", "ari")
    if labels is None:
        return {name: _absent("", "none: the images have no labels") for name in names}
    counts = np.bincount(labels)
    if np.count_nonzero(counts) < 2:
        return {name: _absent("", "none: there is only one class") for name in names}
    if counts[counts > 0].min() < N_FOLDS or len(labels) * (N_FOLDS - 1) < max(VOTERS) * N_FOLDS:
        why = f"none: {N_FOLDS} folds need more images of each class, and in all"
        return {name: _absent("", why) for name in names}
    clusters = class_agreement(mu.numpy(), labels)
    metrics: Metrics = {}
    for k in VOTERS:
        method = f"{k} nearest encoder means, {N_FOLDS}-fold cross-validated"
        metrics[f"knn{k}"] = Metric(clusters.knn[k], None, "share", method)
    metrics["silhouette"] = Metric(
        clusters.silhouette, None, "", "of the true classes, encoder means"
    )
    k_means = f"{np.count_nonzero(counts)}-means clusters of the encoder means against the classes"
    metrics["nmi"] = Metric(clusters.nmi, None, "", k_means)
    metrics["ari"] = Metric(clusters.ari, None, "", k_means)
    return metrics


def _reconstruction(model: VAE, x: Tensor) -> Tensor:
    with torch.no_grad():
        return log_px_z(model, model.encode(x).mu, x)


def _mean(per_image: Tensor, unit: str, method: str) -> Metric:
    values = per_image.double()
    mean = float(values.mean())
    if not math.isfinite(mean):
        return _absent(unit, f"none: the mean came out as {mean}; {method}")
    # One image says nothing of the spread.
    stderr = float(values.std()) / math.sqrt(len(values)) if len(values) > 1 else None
    return Metric(mean, stderr, unit, method)


def _absent(unit: str, why: str) -> Metric:
    return Metric(None, None, unit, why)
