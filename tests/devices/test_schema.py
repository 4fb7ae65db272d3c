"""The schemas in docs/ are those of the models, and the documents that docs/device-run.md shows are what it says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from posekit.devices.format import DeviceRun, RunRequest
from posekit.devices.schema import schemas
from posekit.documents import Part

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "device-run.md"
DOCUMENTS: dict[str, type[Part]] = {"request.json": RunRequest, "run.json": DeviceRun}


@pytest.mark.parametrize("name", schemas())
def test_the_schemas_are_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text() == schemas()[name], "python -m posekit.devices.schema docs"


def test_the_schemas_are_written_by_the_command(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "posekit.devices.schema", str(tmp_path)], check=True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == schemas()


def shown() -> dict[str, Any]:
    """The examples of the page, by the name of the document."""
    blocks = re.findall(r"`(\w+\.json)`[^`]*?```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return {name: json.loads(text) for name, text in blocks}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_examples_of_the_page_are_sound(name: str) -> None:
    DOCUMENTS[name].model_validate(shown()[name])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_field_is_explained(name: str) -> None:
    page = PAGE.read_text()
    missing = [field for field in fields(DOCUMENTS[name].model_json_schema()) if f"`{field}`" not in page]
    assert missing == []


def fields(schema: Any) -> set[str]:
    """Names of all fields of a schema, at any depth."""
    parts = [schema, *schema.get("$defs", {}).values()]
    return {name for part in parts for name in part.get("properties", {})}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_takes_no_more_than_the_models(name: str) -> None:
    """Unknown keys are refused at every depth, so a misspelt field is not lost in silence."""
    schema = DOCUMENTS[name].model_json_schema()
    assert all(part["additionalProperties"] is False for part in [schema, *schema["$defs"].values()])
