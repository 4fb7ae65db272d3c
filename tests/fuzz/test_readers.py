"""Documents from outside, damaged at random: they are taken or refused in a sentence, never a traceback."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import readers
from tests.fuzz.readers import (
    CASES,
    MANIFEST,
    PEOPLE,
    PREDICTED,
    READERS,
    RECIPE,
    RUN,
    SPEC,
    TRACE,
    TRIAL,
    configuration,
    scratch,
    tried,
)

# documents by the reader that takes them; JSON of a YAML is read in a tenth of the time
TAKEN_BY: dict[str, Callable[[Path, bytes], None]] = {
    "spec": readers.read_json, "manifest": readers.read_manifest, "run": readers.read_device_run,
    "cases": readers.read_cases, "trace": readers.read_trace, "recipe": readers.read_recipe,
    "trial": readers.read_trial, "people": readers.read_people, "predicted": readers.read_reference,
    "hrnet": readers.draft_json, "deeplabcut": readers.draft_json, "sleap": readers.draft_json,
    "vitpose": readers.draft_json, "python": readers.draft_python,
}  # fmt: skip
NUMBERS = {name: [one for one, _ in READERS].index(reader) for name, reader in TAKEN_BY.items()}
MICE = "mice/dlc-models-pytorch/iteration-0/miceMay1-trainset95shuffle1/train/pytorch_config.yaml"
DOCUMENTS: dict[str, Any] = {"spec": SPEC, "manifest": MANIFEST, "run": RUN, "cases": CASES, "trace": TRACE,
    "recipe": RECIPE, "trial": TRIAL, "people": PEOPLE, "predicted": PREDICTED,
}  # fmt: skip
CONFIGURATIONS: dict[str, Any] = {
    "hrnet": yaml.safe_load(configuration("hrnet/w32_256x192_adam_lr1e-3.yaml").read_bytes()),
    "deeplabcut": yaml.safe_load(configuration(MICE).read_bytes()),
    "sleap": json.loads(configuration("fly/training_config.json").read_bytes()),
    "vitpose": json.loads(configuration("vitpose-gym/config.json").read_bytes()),
}  # fmt: skip
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 1 << 31, 1 << 63, 10**400, 1e308, -0.0, float("nan"), float("inf")]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["../out", "/etc/passwd", "..", "", "\0", "a/../../b", "a\\b", "t.f32", "x" * 5000, "\ud800"]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    import shutil

    made = scratch()
    yield made
    shutil.rmtree(made)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def damaged(document: Any, path: tuple[Any, ...], how: str, value: Any) -> Any:
    if not path:
        return value
    document = copy.deepcopy(document)
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    if how == "replace":
        parent[path[-1]] = value
    elif how == "remove":
        del parent[path[-1]]
    elif isinstance(parent, dict):
        parent[str(value)[:100]] = value
    else:
        parent.extend([value] * 3)
    return document


def several_times(document: Any, data: st.DataObject) -> bytes:
    """The document with one to three damages."""
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(sorted(places(document), key=str)))
        document = damaged(document, path, data.draw(st.sampled_from(["replace", "remove", "add"])), data.draw(ODD))
        if not isinstance(document, dict | list):
            break
    return json.dumps(document).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("name", DOCUMENTS)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_document_is_taken_or_refused(name: str, folder: Path, data: st.DataObject) -> None:
    tried(folder, NUMBERS[name], several_times(DOCUMENTS[name], data))


@pytest.mark.parametrize("name", CONFIGURATIONS)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_configuration_is_taken_or_refused(name: str, folder: Path, data: st.DataObject) -> None:
    tried(folder, NUMBERS[name], several_times(CONFIGURATIONS[name], data))


@pytest.mark.parametrize("number", range(len(READERS)), ids=[reader.__name__ for reader, _ in READERS])
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_are_taken_or_refused(number: int, folder: Path, data: st.DataObject) -> None:
    content = bytearray(readers.seed_of(number))
    start = data.draw(st.integers(0, len(content)))
    content[start : start + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=20))
    tried(folder, number, bytes(content))


@pytest.mark.parametrize("number", [number for number in range(len(READERS)) if number != 2])
def test_the_seeds_themselves_are_taken(number: int, folder: Path) -> None:
    """Else the fuzzer would only ever see the first check; the manifest's files are not those of its hashes."""
    assert tried(folder, number, readers.seed_of(number))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_configuration_in_python_is_taken_or_refused(folder: Path, data: st.DataObject) -> None:
    """Lines of it are exchanged, doubled or left out, and words of it."""
    text = readers.seed_of(NUMBERS["python"]).decode().splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        line = data.draw(st.integers(0, len(text) - 1))
        other = data.draw(
            st.sampled_from([*text, "", "codec.update(x)", "model = model + model", "_base_ = 'config.py'"])
        )
        text[line] = data.draw(
            st.sampled_from([other, text[line].replace("(", "[", 1), text[line].replace("'", "", 1)])
        )
    words = data.draw(
        st.sampled_from([("256", "-1"), ("dict(", "list("), ("'", ""), ("=", "=lambda: "), ("type", "kind")])
    )
    tried(folder, NUMBERS["python"], "\n".join(text).replace(*words).encode())
