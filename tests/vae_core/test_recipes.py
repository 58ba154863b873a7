from __future__ import annotations

import math

import pytest

from vae_core.data import DataSet
from vae_core.errors import ConfigError
from vae_core.recipes import RECIPES, Recipe, find_recipe
from vae_core.tensors import expected_shapes
from vae_core.training import start

every_recipe = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())


def n_decoder_weights(recipe: Recipe) -> int:
    shapes = expected_shapes(recipe.model)
    return sum(math.prod(shape) for name, shape in shapes.items() if name.startswith("decoder."))


@every_recipe
def test_recipes_are_found_by_name(recipe: Recipe) -> None:
    assert find_recipe(recipe.name) is recipe


@every_recipe
def test_recipes_say_what_they_show_in_one_line(recipe: Recipe) -> None:
    assert recipe.about.endswith(".")
    assert "\n" not in recipe.about


@every_recipe
def test_a_recipe_s_model_and_training_go_together(recipe: Recipe, few_digits: DataSet) -> None:
    state = start(recipe.model, recipe.train, few_digits.images)
    assert state.model.config == recipe.model
    assert state.config == recipe.train


@every_recipe
def test_decoders_are_small_enough_for_the_browser(recipe: Recipe) -> None:
    assert n_decoder_weights(recipe) < 2_000_000


def test_an_unknown_recipe_is_told_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no recipe 'vae'; allowed are ") as got:
        find_recipe("vae")
    assert all(name in str(got.value) for name in RECIPES)
