"""Runs in Label Studio's environment: validates and converts the exports in a folder, prints one JSON object."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def judge(xml: str, content: bytes, folder: Path) -> dict[str, Any]:
    from label_studio_sdk.converter import Converter
    from label_studio_sdk.label_interface import LabelInterface

    interface = LabelInterface(xml)
    problems: list[str] = []
    try:
        interface.validate()
    except Exception as error:  # every complaint is a finding
        problems.append(f"config: {error!r}")
    tasks = json.loads(content)
    for task in tasks:
        if not interface.validate_task({"data": task["data"]}):  # with answers it calls itself wrongly
            problems.append(f"task {task['id']} is refused")
        for kind in ("annotations", "predictions"):
            for one in task[kind]:
                found = interface.validate_prediction(one, return_errors=True)  # annotations have the same form
                problems += [f"task {task['id']}, {kind}: {problem}" for problem in found]
    source = folder / "tasks.json"
    source.write_bytes(content)
    converter = Converter(xml, str(folder), download_resources=False)
    converter.convert(str(source), str(folder / "json"), "JSON", is_dir=False)
    converter.convert(str(source), str(folder / "csv"), "CSV", is_dir=False)
    converted = json.loads((folder / "json" / "result.json").read_text())
    return {"problems": problems, "tasks": len(tasks), "converted": len(converted)}


if __name__ == "__main__":
    root = Path(sys.argv[1])
    report = {}
    for config in sorted(root.glob("*.xml")):
        place = root / config.stem
        place.mkdir()
        report[config.stem] = judge(config.read_text(), config.with_suffix(".json").read_bytes(), place)
    sys.stdout.write(json.dumps(report))
