"""One z, its mean image, and eight draws from p(x|z)."""

import torch
from torch import Generator

from vae_core import list_checkpoints, load_checkpoint

refs = {ref.name: ref for ref in list_checkpoints("weights")}
model = load_checkpoint(refs["atlas"]).model

z = torch.tensor([[0.1, 0.5]])  # or model.prior.sample(1, Generator().manual_seed(0))
with torch.no_grad():
    outputs = model.decoder(z)
mean = model.likelihood.mean(outputs)[0]  # f(z), 784 numbers from 0 to 1
draws = model.likelihood.sample(outputs.expand(8, -1), Generator().manual_seed(0))

for row in (mean > 0.5).reshape(28, 28)[4:24]:
    print("".join("█" if ink else "·" for ink in row.tolist()))
print(
    "pixels in which two draws differ, on average:", round(float((2 * mean * (1 - mean)).sum()), 1)
)
print("pixels in which the first two differ:", int((draws[0] != draws[1]).sum()))
