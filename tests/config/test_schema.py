from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hpo.config.fields import KNOWN_FACTORS
from hpo.config.schema import SCHEMAS, schema_text, write_schemas
from hpo.recipe.architecture import ARCHITECTURES

SHIPPED = Path(__file__).parents[2] / "hpo" / "config" / "schemas"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_shipped_schemas_are_up_to_date(name: str) -> None:
    """If this fails: hpo schema hpo/config/schemas."""
    assert (SHIPPED / name).read_text(encoding="utf-8") == schema_text(SCHEMAS[name])


def test_schemas_are_written_into_a_new_folder(tmp_path: Path) -> None:
    files = write_schemas(tmp_path / "new" / "folder")

    assert [file.name for file in files] == list(SCHEMAS)
    assert all(json.loads(file.read_text())["type"] == "object" for file in files)


def objects(schema: Any) -> list[dict[str, Any]]:
    """Every mapping with named keys that a schema describes."""
    if isinstance(schema, list):
        return [found for item in schema for found in objects(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if schema.get("type") == "object" and "properties" in schema else []
    return own + [found for item in schema.values() for found in objects(item)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_has_a_description_and_no_other_key_is_allowed(name: str) -> None:
    found = objects(json.loads(schema_text(SCHEMAS[name])))

    assert found
    for description in found:
        if description["title"] != "Factors":  # there, each key is a hyper-parameter described by Factor
            assert description["additionalProperties"] is False
            assert all(len(key["description"]) > 5 for key in description["properties"].values()), description["title"]


def test_editors_can_complete_factors_and_architectures() -> None:
    study = json.loads(schema_text(SCHEMAS["study.schema.json"]))
    space = json.loads(schema_text(SCHEMAS["search_space.schema.json"]))

    factors = space["properties"]["factors"]
    assert list(factors["properties"]) == list(KNOWN_FACTORS)
    assert factors["additionalProperties"] == factors["properties"]["epochs"]  # an argument of a user's function
    known, own = study["$defs"]["Stage1Settings"]["properties"]["factors"]["items"]["anyOf"]
    assert known["enum"] == list(KNOWN_FACTORS)
    assert re.match(own["pattern"], "width")
    names = [branch.get("enum") for branch in study["properties"]["architectures"]["items"]["oneOf"]]
    assert list(ARCHITECTURES) in names
