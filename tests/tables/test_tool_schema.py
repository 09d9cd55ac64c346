"""The schema that `vedette tool schema` prints agrees with what the program reads: every tool that is shown passes it."""
import json
import os
import pathlib
import subprocess
import tomllib

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("VEDETTE_PROGRAM", ROOT / "build/release/bin/vedette"))
TOOLS = sorted(ROOT.glob("docs/tools/*/tool.toml")) + sorted(ROOT.glob("tools/*/tool.toml"))


@pytest.fixture(scope="module")
def schema():
    if not PROGRAM.exists():
        pytest.skip(f"the program is not built: {PROGRAM}")
    printed = json.loads(subprocess.run([PROGRAM, "tool", "schema"], check=True, capture_output=True).stdout)
    jsonschema.Draft202012Validator.check_schema(printed)
    return printed


@pytest.mark.parametrize("path", TOOLS, ids=lambda path: path.parent.name)
def test_shown_tools_are_valid(schema, path):
    jsonschema.Draft202012Validator(schema).validate(tomllib.loads(path.read_text()))


def test_unknown_keys_and_parameters_are_not(schema):
    tool = tomllib.loads((ROOT / "docs/tools/meshnet_tissue/tool.toml").read_text())
    tool["step"][0]["cdoe"] = "RAS"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(tool)
