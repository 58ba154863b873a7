"""Holes of the prior, and ten Gaussians carried over to one without changing any p(x)."""

import torch

from vae_core import list_checkpoints, load_checkpoint, load_mnist
from vae_core.analysis.aggregate import aggregate_posterior
from vae_core.analysis.evaluation import model_input
from vae_core.analysis.transport import conservation
from vae_core.priors import LearnedMixture

refs = {ref.name: ref for ref in list_checkpoints("weights")}
model = load_checkpoint(refs["mixture"]).model
x = model_input(model, load_mnist("test"))  # (10000, 784), binarised once with seed 0

with torch.no_grad():
    posterior = model.encode(x)
q = aggregate_posterior(model, posterior)  # q(z) = mean of q(z|x), and p(z), on a grid
print(f"KL(q(z) ‖ p(z)) = {q.kl:.3f} nats")
print(f"prior mass where p(z) > 10 q(z): {q.hole_mass(10):.1%}")

assert isinstance(model.prior, LearnedMixture)
mixture = model.prior.mixture()  # ten Gaussians
z = posterior.mu
u = mixture.to_normal(z.double())  # g(z), where the prior is N(0, I)
back = mixture.from_normal(u[:100])
print("largest error of g⁻¹(g(z)):", float((back - z[:100]).abs().max()))
density = conservation(mixture, z)
print(f"mean log p(z) = {float(density.log_pz.mean()):.4f} nats")
print(f"mean log N(g(z)) + log|det ∂g/∂z| = {float(density.log_pu.mean()):.4f} nats")
