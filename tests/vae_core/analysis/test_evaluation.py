from __future__ import annotations

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Generator, Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from vae_core.analysis import evaluation
from vae_core.analysis.evaluation import evaluate_model, model_input
from vae_core.analysis.projection import encode_images
from vae_core.comparison.clusters import class_agreement
from vae_core.data import DataSet, UnlabelledSet, binarise
from vae_core.exact.evidence import lattice_error, log_px_exact
from vae_core.exact.lattice import DecodedLattice
from vae_core.exact.posterior import kl_to_posterior
from vae_core.identity import identify
from vae_core.metrics import Metric, Metrics, metrics_from_json
from vae_core.models import VAE

MakeModel = Callable[..., VAE]
BOUNDS = ["log_px", "elbo", "kl", "reconstruction"]
OF_LATTICES = ["gap", "aggregate_kl", "mutual_information"]
CLUSTERS = ["knn1", "knn10", "knn50", "silhouette", "nmi", "ari"]


@pytest.fixture
def metrics(tiny_vae: VAE, few_digits: DataSet) -> Metrics:
    return evaluate_model(tiny_vae, few_digits, spacing=0.1)


def is_metric_of(figure: Metric, per_image: Tensor, *, atol: float = 1e-4) -> None:
    values = per_image.double().numpy()
    assert figure.value == pytest.approx(values.mean(), abs=atol)
    wanted = values.std(ddof=1) / math.sqrt(len(values))
    assert figure.stderr == pytest.approx(wanted, rel=1e-3)
    assert figure.unit == "nats"


def test_figures_have_their_fields_and_fit_into_json(tiny_vae: VAE, metrics: Metrics) -> None:
    assert list(metrics) == [*BOUNDS, *OF_LATTICES, "posterior_std", *CLUSTERS]
    for figure in metrics.values():
        assert set(figure.to_json()) == {"value", "stderr", "unit", "how", "data"}
        assert figure.basis
        assert math.isfinite(figure.value)
    kept = {name: figure.to_json() for name, figure in metrics.items()}
    read = metrics_from_json(json.loads(json.dumps(kept, allow_nan=False)), tiny_vae.config)
    assert read == metrics


def test_bounds_against_torch_distributions(
    tiny_vae: VAE, few_digits: DataSet, metrics: Metrics
) -> None:
    x = model_input(tiny_vae, few_digits)
    is_metric_of(metrics["log_px"], log_px_exact(tiny_vae, x, spacing=0.1))
    mu, logvar = tiny_vae.encode(x)
    q = Independent(Normal(mu, (0.5 * logvar).exp()), 1)
    p = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    is_metric_of(metrics["kl"], kl_divergence(q, p))
    eps = torch.randn((400, *mu.shape), generator=Generator().manual_seed(5))
    z = mu + (0.5 * logvar).exp() * eps
    with torch.no_grad():
        log_px_z = torch.stack(
            [Independent(Bernoulli(logits=tiny_vae.decoder(one)), 1).log_prob(x) for one in z]
        )
    noise = float(log_px_z.std(0).mean()) / math.sqrt(8 * 200)  # of 8 samples and 200 images
    wanted = float(log_px_z.mean())
    assert metrics["reconstruction"].value == pytest.approx(wanted, abs=6 * noise)
    difference = metrics["reconstruction"].value - metrics["kl"].value
    assert metrics["elbo"].value == pytest.approx(difference, abs=1e-4)
    assert metrics["elbo"].value < metrics["log_px"].value


def test_gap_is_the_kl_to_the_posterior(
    tiny_vae: VAE, few_digits: DataSet, metrics: Metrics
) -> None:
    x = model_input(tiny_vae, few_digits)
    log_px = log_px_exact(tiny_vae, x, spacing=0.1)
    kl = kl_to_posterior(tiny_vae, x, log_px).mean().item()
    assert metrics["gap"].value == pytest.approx(kl, abs=4 * metrics["gap"].stderr)
    difference = metrics["log_px"].value - metrics["elbo"].value
    assert metrics["gap"].value == pytest.approx(difference, abs=1e-3)


def test_information_and_aggregate_kl_make_up_the_kl(
    tiny_vae: VAE, few_digits: DataSet, metrics: Metrics
) -> None:
    total = metrics["aggregate_kl"].value + metrics["mutual_information"].value
    assert total == pytest.approx(metrics["kl"].value, abs=1e-4)
    assert 0 < metrics["mutual_information"].value < math.log(len(few_digits.images))
    mu, logvar = tiny_vae.encode(model_input(tiny_vae, few_digits))
    generator = Generator().manual_seed(0)
    rows = torch.randint(len(mu), (20_000,), generator=generator)
    z = mu[rows] + (0.5 * logvar[rows]).exp() * torch.randn(20_000, 2, generator=generator)
    log_q = Independent(Normal(mu, (0.5 * logvar).exp()), 1).log_prob(z.unsqueeze(1))
    draws = log_q.logsumexp(1) - math.log(len(mu)) - tiny_vae.prior.log_pz(z)
    error = float(draws.std()) / math.sqrt(len(draws))
    assert metrics["aggregate_kl"].value == pytest.approx(float(draws.mean()), abs=5 * error)


def test_training_images_have_a_figure_of_their_own(tiny_vae: VAE, few_digits: DataSet) -> None:
    got = evaluate_model(tiny_vae, few_digits, train=few_digits, spacing=0.1)
    assert got["log_px_train"].value == pytest.approx(got["log_px"].value, abs=1e-2)
    assert got["log_px_train"].method.endswith("200 training images")


def test_clusters_are_of_the_grey_digits_means(
    tiny_vae: VAE, few_digits: DataSet, metrics: Metrics
) -> None:
    posterior = encode_images(tiny_vae, few_digits.images)
    wanted = class_agreement(posterior.mu.numpy(), few_digits.labels)
    got = {name: metrics[name].value for name in CLUSTERS}
    assert [got["knn1"], got["knn10"], got["knn50"]] == list(wanted.knn.values())
    assert (got["silhouette"], got["nmi"], got["ari"]) == wanted[1:]
    std = posterior.logvar.exp().sqrt().flatten().sort().values
    assert std[199] <= metrics["posterior_std"].value <= std[200]


def test_every_figure_says_how(metrics: Metrics) -> None:
    assert (
        metrics["log_px"].method == "exact: lattice, spacing 0.1 and finer where needed, |z| < 6.5"
    )
    assert metrics["elbo"].method == "analytic KL, 8 samples of q(z|x)"
    assert metrics["knn10"].method == "10 nearest encoder means, 5-fold cross-validated"
    assert all(figure.method for figure in metrics.values())


def test_measuring_twice_gives_the_same(
    tiny_vae: VAE, few_digits: DataSet, metrics: Metrics
) -> None:
    torch.rand(10)
    assert evaluate_model(tiny_vae, few_digits, spacing=0.1) == metrics


@pytest.mark.parametrize("posterior", ["gaussian", "point"])
def test_figures_do_not_depend_on_the_batches(
    make_model: MakeModel,
    few_digits: DataSet,
    monkeypatch: pytest.MonkeyPatch,
    posterior: str,
) -> None:
    model = make_model(posterior=posterior, gain=0.1)  # next to no noise through the decoder
    whole = evaluate_model(model, few_digits, spacing=0.3, iwae_samples=3)
    monkeypatch.setattr(evaluation, "_BATCH", 60)  # four batches, the last smaller
    parts = evaluate_model(model, few_digits, spacing=0.3, iwae_samples=3)
    assert whole.keys() == parts.keys()
    for name, figure in whole.items():
        if figure.value is not None:
            assert parts[name].value == pytest.approx(figure.value, abs=0.02)
    exact = {"kl", "log_px"} if posterior == "gaussian" else {"reconstruction"}
    for name in exact:
        assert parts[name].value == pytest.approx(whole[name].value, abs=1e-4)
        assert parts[name].stderr == pytest.approx(whole[name].stderr, rel=1e-3)


def test_iwae_is_an_extra_between_elbo_and_exact(
    tiny_vae: VAE, few_digits: DataSet, metrics: Metrics
) -> None:
    got = evaluate_model(tiny_vae, few_digits, spacing=0.1, iwae_samples=30)
    assert set(got) - set(metrics) == {"iwae"}
    assert {name: got[name] for name in metrics} == metrics
    assert got["iwae"].method == "IWAE, K = 30"
    assert got["elbo"].value < got["iwae"].value < got["log_px"].value + 0.05


def test_a_certificate_is_an_extra(tiny_vae: VAE, few_digits: DataSet, metrics: Metrics) -> None:
    got = evaluate_model(tiny_vae, few_digits, spacing=0.1, n_certified=7)
    assert {name: got[name] for name in metrics} == metrics
    error = lattice_error(tiny_vae, model_input(tiny_vae, few_digits)[:7], spacing=0.1)
    assert got["log_px_error"].value == pytest.approx(float(error.mean()))
    assert got["log_px_worst"].value == pytest.approx(float(error.max()))
    assert "of 7 images" in got["log_px_worst"].method
    lattice = DecodedLattice(tiny_vae, spacing=0.1)
    std = [lattice.explain(x).std() for x in model_input(tiny_vae, few_digits)[:7]]
    assert got["exact_std"].value == pytest.approx(float(torch.stack(std).median()))


def test_an_autoencoder_has_no_bounds_and_says_so(
    make_model: MakeModel, few_digits: DataSet
) -> None:
    model = make_model(posterior="point")
    metrics = evaluate_model(model, few_digits, iwae_samples=5)
    assert list(metrics) == [*BOUNDS, *CLUSTERS]
    for name in ("log_px", "elbo", "kl"):
        assert metrics[name].value is metrics[name].stderr is None
        assert metrics[name].method.startswith("none: a plain autoencoder")
    x = model_input(model, few_digits)
    logits = model.decoder(model.encode(x).mu)
    is_metric_of(metrics["reconstruction"], Independent(Bernoulli(logits=logits), 1).log_prob(x))
    json.dumps([metric.to_json() for metric in metrics.values()], allow_nan=False)


def test_above_two_dimensions_there_is_no_lattice(
    make_model: MakeModel, few_digits: DataSet
) -> None:
    metrics = evaluate_model(make_model(latent_dim=3), few_digits)
    assert metrics["log_px"].value is None
    assert "3 latent dimensions" in metrics["log_px"].method
    assert math.isfinite(metrics["elbo"].value)


def test_a_bernoulli_model_explains_one_fixed_binarisation(
    make_model: MakeModel, few_digits: DataSet
) -> None:
    model = make_model()
    x = model_input(model, few_digits)
    grey = torch.from_numpy(few_digits.images.reshape(200, 784) / np.float32(255.0))
    assert torch.equal(x, binarise(grey, Generator().manual_seed(0)))
    assert torch.equal(x, model_input(model, few_digits))


@pytest.mark.parametrize("likelihood", ["gaussian", "gaussian-learned-sigma"])
def test_a_gaussian_model_explains_the_grey_pixels(
    make_model: MakeModel, few_digits: DataSet, likelihood: str
) -> None:
    model = make_model(likelihood=likelihood)
    x = model_input(model, few_digits).numpy()
    np.testing.assert_array_equal(np.rint(x * 255).reshape(-1, 28, 28), few_digits.images)
    metrics = evaluate_model(model, few_digits, spacing=0.3)
    assert metrics["elbo"].value < metrics["log_px"].value


# --- of which data, and how far it is -----------------------------------------------------------


def test_every_figure_says_of_which_data_it_is(
    make_model: Callable[..., VAE], few_digits: DataSet
) -> None:
    model = make_model(latent_dim=1)
    train = DataSet(few_digits.images[:60], few_digits.labels[:60])
    told: list[float] = []
    found = evaluate_model(model, few_digits, name="few", train=train, report=told.append)
    whole = identify(*few_digits, name="few", split="test")
    for name, metric in found.items():
        wanted = identify(*train, name="few", split="train") if name == "log_px_train" else whole
        assert metric.data == wanted
        assert {wanted.sha256, str(wanted.count)} < set(metric.basis)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 5


def test_a_part_of_the_images_is_measured_as_that(
    make_model: Callable[..., VAE], few_digits: DataSet
) -> None:
    model = make_model(latent_dim=1)
    found = evaluate_model(model, few_digits, train=few_digits, n_images=50)
    for name, metric in found.items():
        assert metric.data is not None
        assert metric.data.count == 50
        if name == "log_px_train":
            assert metric.method.endswith("; 50 training images")
        else:
            assert metric.method.endswith("; 50 of the 200 test images")
    # the same pixels as of the whole, though fewer of them
    rows = np.sort(np.random.default_rng(0).choice(200, 50, replace=False))
    log_px = log_px_exact(model, model_input(model, few_digits)[torch.from_numpy(rows)])
    assert found["log_px"].value == pytest.approx(float(log_px.mean()), abs=1e-3)
    assert found["log_px"].basis != evaluate_model(model, few_digits)["log_px"].basis


@pytest.mark.parametrize("latent_dim", [1, 2, 3])
def test_a_single_image_has_figures_without_a_spread(
    make_model: Callable[..., VAE], few_digits: DataSet, latent_dim: int
) -> None:
    one = DataSet(few_digits.images[:1], few_digits.labels[:1])
    model = make_model(latent_dim=latent_dim)
    found = evaluate_model(model, one, train=one, iwae_samples=2, spacing=0.5)
    assert {metric.stderr for metric in found.values()} == {None}
    assert found["elbo"].value is not None
    json.dumps([metric.to_json() for metric in found.values()], allow_nan=False)


def test_without_labels_there_is_no_word_of_classes(
    make_model: Callable[..., VAE], few_digits: DataSet
) -> None:
    found = evaluate_model(make_model(latent_dim=1), UnlabelledSet(few_digits.images[:20]))
    assert {found[name].value for name in CLUSTERS} == {None}
    assert found["knn10"].method.startswith("none: the images have no labels")
    assert found["log_px"].value is not None


def test_a_mean_that_is_no_number_is_none(
    make_model: Callable[..., VAE], few_digits: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        evaluation, "log_px_exact", lambda model, x, **_: torch.full((len(x),), -math.inf)
    )
    found = evaluate_model(make_model(latent_dim=1), few_digits)
    for name in ("log_px", "gap"):
        assert found[name].value is None
        assert "none: the mean came out as -inf" in found[name].method
