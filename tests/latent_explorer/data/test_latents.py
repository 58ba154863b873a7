"""Latents as people write them: what is read, and how what is not is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latent_explorer.data.latents import BadLatentError, latent_example, parse_latent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1, 0.5", (0.1, 0.5)),
        ("0.1 0.5", (0.1, 0.5)),
        ("  0.1 ,0.5  ", (0.1, 0.5)),
        ("0.1; 0.5", (0.1, 0.5)),
        ("0.1\u00a00.5", (0.1, 0.5)),
        ("(0.1, −0.5)", (0.1, -0.5)),
        ("z = (0.100, −0.500)", (0.1, -0.5)),  # as the pages write it
        ("[1, -2]", (1.0, -2.0)),
        ("−1 −2.5", (-1.0, -2.5)),
        ("–1, \u20112.5", (-1.0, -2.5)),
        ("1e-3\t+2", (0.001, 2.0)),
        ("999999,-999999", (999_999.0, -999_999.0)),
        (".5, 1.", (0.5, 1.0)),
        # pasted from Python
        ("array([0.1, 0.5])", (0.1, 0.5)),
        ("np.array([[0.1, 0.5]])", (0.1, 0.5)),
        ("array([[0.1],\n       [0.5]])", (0.1, 0.5)),
        ("array([0.1, 0.5], dtype=float32)", (0.1, 0.5)),
        ("tensor([[0.1, 0.5]])", (0.1, 0.5)),
        ("tensor([0.1, 0.5], device='cuda:0')", (0.1, 0.5)),
        (
            "torch.tensor([0.1, 0.5], device='cuda:0', dtype=torch.float64, requires_grad=True)",
            (0.1, 0.5),
        ),
        ("tensor([0.1, 0.5], grad_fn=<SelectBackward0>)", (0.1, 0.5)),
        ("[0.1 0.5]", (0.1, 0.5)),
        # commas: between numbers where that gives two of them, within numbers otherwise
        ("0,1", (0.0, 1.0)),
        ("0, 1", (0.0, 1.0)),
        ("0,1 0,5", (0.1, 0.5)),
        ("0,1; 0,5", (0.1, 0.5)),
        ("0,1, −0,5", (0.1, -0.5)),
        ("1 0,5", (1.0, 0.5)),
    ],
)
def test_latents_are_read(text: str, expected: tuple[float, ...]) -> None:
    assert parse_latent(text, 2) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", (7.0,)),
        ("0,1", (0.1,)),  # two numbers are none: a decimal comma
        ("tensor([0.5000])", (0.5,)),
        ("0,1 0,5", (0.0, 1.0, 0.0, 5.0)),  # four are asked for
        ("0,1,0,5", (0.0, 1.0, 0.0, 5.0)),
        ("0.1, 0.5, …", (0.1, 0.5, 0.0, 0.0, 0.0)),
        ("1 2 ...", (1.0, 2.0, 0.0, 0.0, 0.0)),
    ],
)
def test_what_a_comma_is_depends_on_the_dimensions(text: str, expected: tuple[float, ...]) -> None:
    assert parse_latent(text, len(expected)) == expected


def test_what_numpy_and_torch_print_is_read() -> None:
    z = np.random.default_rng(0).normal(size=10).astype(np.float32)
    for text in (repr(z), str(z), str(z.tolist()), repr(z[None])):
        np.testing.assert_allclose(parse_latent(text, 10), z, rtol=1e-6)
    np.testing.assert_allclose(parse_latent(str(torch.from_numpy(z)), 10), z, atol=5.1e-5)


@pytest.mark.parametrize("latent_dim", [1, 2, 3, 4, 10])
def test_every_dimension(latent_dim: int) -> None:
    z = tuple(float(i) for i in range(latent_dim))
    assert parse_latent(", ".join(map(str, z)), latent_dim) == z
    assert len(parse_latent(latent_example(latent_dim), latent_dim)) == latent_dim
    for count in {0, latent_dim - 1, latent_dim + 1} - {latent_dim}:
        with pytest.raises(BadLatentError, match=f"z has {latent_dim}: write ") as caught:
            parse_latent(" ".join(["1"] * count), latent_dim)
        example = str(caught.value).split("write ")[1].removesuffix(", for example.")
        assert len(parse_latent(example, latent_dim)) == latent_dim  # the advice works


@pytest.mark.parametrize(
    "text", ["inf, 0", "0 -inf", "nan 1", "1e400, 0", "1000000, 0", "0, −1e7", "Infinity NaN"]
)
def test_only_finite_latents(text: str) -> None:
    with pytest.raises(BadLatentError, match=r"NaN is no number|between"):
        parse_latent(text, 2)


@pytest.mark.parametrize(
    "text", ["abc", "0.1, zwei", "1,,x", "0x10, 1", "1-2", "array(x)", "0.1 ... 0.5", "x" * 999]
)
def test_only_numbers(text: str) -> None:
    with pytest.raises(BadLatentError, match=r"is not a latent: write 0\.1, 0\.5") as caught:
        parse_latent(text, 2)
    assert len(str(caught.value)) < 150
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("text", "n"), [("0,1,0,5", 4), ("1,2,3", 3), ("", 0), ("…", 0), ("[[1, 2], [3, 4]]", 4)]
)
def test_as_many_numbers_as_z_has(text: str, n: int) -> None:
    with pytest.raises(BadLatentError, match=f"has {n} numbers, z has 2: write 0.1, 0.5"):
        parse_latent(text, 2)
