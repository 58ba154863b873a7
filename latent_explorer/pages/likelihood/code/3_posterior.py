"""Which z explain the first test digit: its exact posterior, and how rare such z are."""

from vae_core import list_checkpoints, load_checkpoint, load_mnist
from vae_core.analysis.evaluation import model_input
from vae_core.exact.lattice import DecodedLattice

refs = {ref.name: ref for ref in list_checkpoints("weights")}
model = load_checkpoint(refs["atlas"]).model
x = model_input(model, load_mnist("test"))[0]  # (784,), binarised once with seed 0

lattice = DecodedLattice(model)  # decodes 85,696 z; every image then costs one product
explained = lattice.explain(x)
region = explained.region(0.99)  # the smallest part of the plane with 99 % of p(z|x)
q = model.encode(x[None])

print(f"log p(x) = {explained.log_px:.2f} nats")
print("peak of p(z|x) at z =", explained.z[explained.log_posterior.argmax()].tolist())
print(f"q(z|x): mean {q.mu[0].tolist()}, std {q.std[0].tolist()}")
print(f"prior mass where 99 % of p(z|x) lies: {region.prior_mass:.2g}")
print(f"1 in {1 / region.prior_mass:,.0f} samples of the prior")
