"""``plan import``: files of JSON Schema, Segment Protocols or Snowplow Iglu become one plan."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..delivery.files import replace_file
from ..errors import PlanError
from ..plan import document, imports
from ..plan.load import load, read_document
from ..plan.model import Plan
from .place import WELL, Place, say


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``plan import`` takes."""
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="or folders of them (an Iglu registry)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="tracking_plan.json or .yaml; else it is printed",
    )
    parser.add_argument("--name", default="", help="what the plan is called")


def run(arguments: argparse.Namespace, where: Place) -> int:
    """Writes the plan, or prints it. PlanError when a file cannot be read, is of no kind that is
    known, holds a schema that cannot be checked, or two have the same event."""
    files = list(_files(arguments.files))
    if not files:
        raise PlanError("there is no file to import in these folders")
    output: Path | None = arguments.output
    name = arguments.name or (output.stem if output else files[0].stem)
    plan = imports.joined([_imported(file) for file in files], name=name)
    plan.checker  # noqa: B018  whatever cannot be compiled is told now
    said = document.written(plan)
    if output is None:
        print(_text(said, Path("plan.json")), end="")
        return WELL
    _write(output, said)
    if load(output) != plan:
        raise PlanError(f"{output}: what was written is read as another plan; please report it")
    _tell(arguments, output, files, plan)
    return WELL


def _files(named: Sequence[Path]) -> Iterator[Path]:
    for each in named:
        if not each.is_dir():
            yield each
            continue
        # In a registry of Iglu a schema's file is called what its version is: 1-0-0.
        yield from sorted(
            inner for inner in each.rglob("*")
            if inner.is_file() and (inner.suffix == ".json" or inner.parent.name == "jsonschema")
        )  # fmt: skip


def _imported(file: Path) -> Plan:
    found = imports.plan_of(read_document(file), name=file.stem)
    if found is None:
        raise PlanError(f"{file}: this is none of JSON Schema, Segment Protocols and Snowplow Iglu")
    return found


def _write(output: Path, said: dict[str, Any]) -> None:
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        replace_file(output, _text(said, output).encode())
        output.chmod(0o644)  # no secret, unlike what else we write
    except OSError as error:
        raise PlanError(f"{output}: it cannot be written: {error.strerror}") from error


def _text(said: dict[str, Any], file: Path) -> str:
    if file.suffix in (".yaml", ".yml"):
        return msgspec.yaml.encode(said).decode()
    return msgspec.json.format(msgspec.json.encode(said)).decode() + "\n"


def _tell(arguments: argparse.Namespace, output: Path, files: Sequence[Path], plan: Plan) -> None:
    schemas = sum(
        each.schema is not None or each.message is not None for each in plan.events.values()
    )
    facts = {"output": str(output), "files": len(files), "events": len(plan.events)}
    noun = "event" if len(plan.events) == 1 else "events"
    lines = [
        f"{len(plan.events)} {noun} in {output}",
        f"{schemas} of them are checked by the schema that was imported",
        "they say neither owner nor platforms yet; docs/plan.md lists what else an event may say",
    ]
    say(facts, lines, as_json=arguments.json)
    if not plan.events:
        print("there was no event in it", file=sys.stderr)
