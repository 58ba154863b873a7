"""How many test digits collide with one, two and ten dimensions; a noisy digit mended."""

from torch import Generator

from vae_core import list_checkpoints, load_checkpoint, load_mnist
from vae_core.analysis.denoising import denoise
from vae_core.analysis.evaluation import model_input
from vae_core.analysis.fields import colliding_pairs, neighbour_votes, vote_confusion
from vae_core.analysis.projection import encode_images

test = load_mnist("test")
refs = {ref.name: ref for ref in list_checkpoints("weights")}
for name in ("line", "elbo", "ten"):
    checkpoint = load_checkpoint(refs[name])
    codes = encode_images(checkpoint.model, test.images).mu.numpy()
    votes = neighbour_votes(codes, test.labels, codes, 10, skip_self=True).argmax(1)
    counts = vote_confusion(test.labels, votes)
    ((a, b),) = colliding_pairs(counts, 1)
    print(f"{name}, D = {codes.shape[1]}: {10_000 - counts.trace():,} digits are taken for others,")
    print(f"    {counts[a, b] + counts[b, a]} of them {a} for {b} or {b} for {a}")

for name in ("denoising", "elbo"):
    model = load_checkpoint(refs[name]).model
    x = model_input(model, test)[:1]
    found = denoise(model, x, share=0.25, generator=Generator().manual_seed(0))
    print(f"{name}: log p(clean x|z) = {found.log_px_z.item():.2f} nats at 25 % noise")
