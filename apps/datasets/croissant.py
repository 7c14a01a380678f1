"""A version's Croissant metadata (MLCommons, 1.0 with the responsible-AI vocabulary) as JSON-LD.

The files are rows.jsonl and rows.parquet; fields read the latter. Licence and quality come from the card.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from apps.datasets.rows import column_order
from apps.datasets.types import DatasetVersionInfo, FileFormat

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "equivalentProperty": "cr:equivalentProperty",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
_SPDX = re.compile(r"[A-Za-z0-9.+-]{2,60}")
_TYPES = {"integer": "sc:Integer", "text": "sc:Text"}


def croissant(version: DatasetVersionInfo, *, summary: str, creator: str, base_url: str) -> dict[str, Any]:
    """The JSON-LD document.

    Args:
        creator: the owner's name.
        base_url: the platform's public address, without a slash at the end.
    """
    page = f"{base_url}/datasets/{version.dataset_id}/?version={version.number}"
    api = f"{base_url}/api/v1/datasets/{version.dataset_id}/versions/{version.number}"
    document: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": version.dataset_name,
        "description": summary or f"{version.row_count} rows: {', '.join(column_order(version.schema))}.",
        "version": f"{version.number}.0.0",
        "datePublished": version.released_at.isoformat(),
        "url": page,
        "creator": {"@type": "sc:Organization", "name": creator},
        "license": licence_url(version.card, f"{base_url}/assets/{version.dataset_id}/"),
        "citeAs": f"{creator}: {version.dataset_name}, version {version.number}. {page}",
        "keywords": ["labelled data", *version.classes[:20]],
        "isLiveDataset": False,
        "distribution": [_file(version, api, kind) for kind in (FileFormat.JSONL, FileFormat.PARQUET)],
        "recordSet": _record_sets(version),
        "identifier": version.content_root,
    }
    return document | _quality(version)


def licence_url(card: Mapping[str, Any], otherwise: str) -> str:
    """The licence as a URL: the card's own, that of its SPDX name, or where the terms are offered."""
    licence = str(card.get("licence") or "").strip()
    if licence.startswith("https://"):
        return licence
    return f"https://spdx.org/licenses/{licence}.html" if _SPDX.fullmatch(licence) else otherwise


def _file(version: DatasetVersionInfo, api: str, kind: FileFormat) -> dict[str, Any]:
    file = version.file(kind)
    types = {FileFormat.JSONL: "application/jsonlines", FileFormat.PARQUET: "application/x-parquet"}
    return {
        "@type": "cr:FileObject",
        "@id": kind.filename,
        "name": kind.filename,
        "contentUrl": f"{api}/{kind.filename}",
        "contentSize": f"{file.size} B",
        "encodingFormat": types[kind],
        "sha256": file.sha256,
    }


def _record_sets(version: DatasetVersionInfo) -> list[dict[str, Any]]:
    splits = version.card.get("statistics", {}).get("splits", {})
    sets: list[dict[str, Any]] = []
    if splits:
        sets.append(_listed("splits", "The parts that rows are set aside in", list(splits), "cr:Split"))
    if 0 < len(version.classes) <= 1_000:
        sets.append(_listed("classes", "The classes of the column label", list(version.classes), "sc:Enumeration"))
    named = {one["@id"] for one in sets}
    fields = [_field(version, name, named) for name in column_order(version.schema)]
    rows: dict[str, Any] = {
        "@type": "cr:RecordSet",
        "@id": "rows",
        "name": "rows",
        "description": f"{version.row_count} rows, proven by the content root {version.content_root}",
        "field": fields,
    }
    if "id" in version.schema:
        rows["key"] = {"@id": "rows/id"}
    return [*sets, rows]


def _listed(name: str, description: str, values: list[str], kind: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "dataType": kind,
        "key": {"@id": f"{name}/name"},
        "field": [{"@type": "cr:Field", "@id": f"{name}/name", "name": "name", "dataType": "sc:Text"}],
        "data": [{f"{name}/name": value} for value in values],
    }


def _field(version: DatasetVersionInfo, name: str, named: set[str]) -> dict[str, Any]:
    figures = version.card.get("statistics", {}).get("columns", {}).get(name, {})
    kind = "integer" if "least" in figures and "characters" not in figures else "text"
    found: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"rows/{name}",
        "name": name,
        "description": version.schema[name],
        "dataType": _TYPES[kind],
        "source": {"fileObject": {"@id": FileFormat.PARQUET.filename}, "extract": {"column": name}},
    }
    target = {"split": "splits", "label": "classes"}.get(name)
    if target in named:
        found["references"] = {"field": {"@id": f"{target}/name"}}
    return found


def _quality(version: DatasetVersionInfo) -> dict[str, Any]:
    """How it was made and how good it is, in the responsible-AI vocabulary."""
    card = version.card
    found: dict[str, Any] = {}
    if card.get("made_by"):
        found["rai:dataCollection"] = str(card["made_by"])
    if card.get("instruction"):
        found["rai:dataAnnotationProtocol"] = str(card["instruction"])
    quality = card.get("quality")
    if isinstance(quality, Mapping):
        shown = {name: value for name, value in quality.items() if value is not None}
        found["rai:dataAnnotationAnalysis"] = json.dumps(shown, ensure_ascii=False, sort_keys=True)
        for name, term in (("redundancy", "rai:annotationsPerItem"), ("annotators", "rai:annotatorDemographics")):
            if name in quality:
                found[term] = f"{quality[name]} {'annotators' if name == 'annotators' else 'answers an item'}"
    return found
