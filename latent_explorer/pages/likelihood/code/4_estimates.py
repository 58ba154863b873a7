"""log p(x) of one digit: exact, and by the estimators."""

import torch
from torch import Generator

from vae_core import list_checkpoints, load_checkpoint, load_mnist
from vae_core.analysis.evaluation import model_input
from vae_core.analysis.marginal import elbo, log_px_iwae, log_px_naive
from vae_core.exact.lattice import DecodedLattice
from vae_core.exact.posterior import kl_to_posterior

torch.set_grad_enabled(False)
refs = {ref.name: ref for ref in list_checkpoints("weights")}
model = load_checkpoint(refs["atlas"]).model
x = model_input(model, load_mnist("test"))[:1]  # test digit 0, binarised as for all figures

explained = DecodedLattice(model, spacing=0.08).explain(x[0])  # finer where it needs to be
exact = explained.log_px
kl = kl_to_posterior(model, x, torch.tensor([exact]))
generator = Generator().manual_seed(0)
bound = elbo(model, x, n_samples=1000, generator=generator)
print(f"exact        {exact:9.2f} nats")
print(f"ELBO         {bound.value.item():9.2f} ± {bound.stderr.item():.2f}")
print(f"ELBO + KL    {(bound.value + kl).item():9.2f}, KL = {kl.item():.2f}")
for k in (1, 10, 100, 1000):
    iwae = log_px_iwae(model, x, n_samples=k, generator=generator)
    naive = log_px_naive(model, x, n_samples=k, generator=generator)
    print(f"K = {k:<5,}    IWAE {iwae.value.item():9.2f}    naive {naive.value.item():9.2f}")
n = explained.relative_variance() / 0.1**2
print(f"prior samples for a standard error of 0.1 nat: {n:,.0f}")
