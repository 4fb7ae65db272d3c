"""Recipes: written, read again, refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posekit.contract import recipe as recipes
from posekit.contract.precisions import NAMES, PRECISIONS, of_platform
from posekit.contract.recipe import Recipe, uniform
from posekit.errors import InputError

LAYERS = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.sampled_from(NAMES),
    max_size=8,
)


@given(st.sampled_from(NAMES), LAYERS)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, precision: str, layers: dict) -> None:
    recipe = Recipe(precision=precision, layers=layers)
    path = tmp_path_factory.mktemp("recipe") / "recipe.json"
    recipes.write(recipe, path)
    assert recipes.read(path) == recipe
    backwards = Recipe(precision=precision, layers=dict(reversed(layers.items())))
    assert (backwards, hash(backwards)) == (recipe, hash(recipe))
    assert backwards.model_dump_json() == recipe.model_dump_json()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no readable recipe"),
        ("[]", "recipe.json"),
        ('{"schema": 2, "precision": "w8"}', "schema"),
        ('{"schema": 1, "precision": "w9"}', "precision"),
        ('{"schema": 1, "precision": "w8", "layers": {"a": "int8"}}', "layers"),
        ('{"schema": 1, "precision": "w8", "layers": {"": "w4"}}', "layers"),
        ('{"schema": 1, "precision": "w8", "more": 1}', "more"),
        ("[" * 100_000, "is no readable recipe"),
    ],
)
def test_what_is_no_recipe_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        recipes.read(path)
    assert message in caught.value.message


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no readable recipe"):
        recipes.read(tmp_path / "none.json")


def test_what_calibrates_and_of_which_layer() -> None:
    recipe = Recipe(precision="w8", layers={"head": "w8a8"})
    assert recipe.calibrates
    assert not uniform("w8").calibrates
    assert (recipe.of("head"), recipe.of("body")) == ("w8a8", "w8")
    assert recipe.precisions == {"w8", "w8a8"}


def test_every_platform_has_its_precisions_and_the_searched_one_is_none_of_them() -> None:
    for platform in ("android", "ios"):
        names = of_platform(platform)
        assert names[:2] == ("fp32", "fp16")
        assert "auto" not in names
        assert {name for name in NAMES if platform in PRECISIONS[name].platforms} == {*names, "auto"}
