"""One z against the 10,000 test digits, and an integral for each of them."""

import math

import torch

from vae_core import list_checkpoints, load_checkpoint, load_mnist
from vae_core.analysis.evaluation import model_input
from vae_core.joint import decode_nodes

refs = {ref.name: ref for ref in list_checkpoints("weights")}
checkpoint = load_checkpoint(refs["atlas"])
model = checkpoint.model
x = model_input(model, load_mnist("test"))  # (10000, 784), binarised once with seed 0

z = torch.tensor([[0.1, 0.5]])
with torch.no_grad():
    nodes = decode_nodes(model, z)
log_px_z = nodes.log_px_z(model.likelihood.statistics(x))[:, 0]  # all digits at this one z

total = float(log_px_z.double().sum())
print(f"mean log p(x|z) = {total / len(x):.2f} nats")
print(f"product of p(x|z) = 10^({total / math.log(10):,.0f})")
print(f"best: test {int(log_px_z.argmax())}, worst: test {int(log_px_z.argmin())}")

log_px = checkpoint.metrics["log_px"].value  # of the header: mean of log ∫ p(x|z) p(z) dz
assert log_px is not None  # a plain autoencoder has none
print(f"mean log p(x) = {log_px:.2f} nats")
print(f"product of p(x) = 10^({log_px * len(x) / math.log(10):,.0f})")
