"""COCO: as pycocotools reads it, there and back, and what is left out."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import pytest
from pycocotools.coco import COCO

from apps.labeling.formats import coco
from apps.labeling.formats.items import FormatProblem
from tests.apps.labeling.formats.samples import IMAGE, IMAGE_ITEMS, TEXT


def exported() -> bytes:
    return b"".join(coco.write(IMAGE, IMAGE_ITEMS, description="Cells"))


def test_pycocotools_opens_an_export(tmp_path):
    path = tmp_path / "instances.json"
    path.write_bytes(exported())
    with contextlib.redirect_stdout(io.StringIO()):
        found = COCO(str(path))
    assert found.getImgIds() == [1, 2]
    assert [one["name"] for one in found.loadCats(found.getCatIds())] == ["RBC", "WBC", "nucleus", "points"]
    annotations = found.loadAnns(found.getAnnIds(imgIds=[1]))
    assert [one["bbox"] for one in annotations[:2]] == [[1, 2, 33, 77], [100.5, 20.125, 50, 60]]
    (outline,) = found.loadAnns(found.getAnnIds(catIds=found.getCatIds(catNms=["nucleus"])))
    assert outline["area"] == 100
    assert found.annToMask(outline).sum() == pytest.approx(100, rel=0.2)
    points = found.loadAnns(found.getAnnIds(catIds=found.getCatIds(catNms=["points"])))
    assert [one["num_keypoints"] for one in points] == [2, 1]
    with contextlib.redirect_stdout(io.StringIO()):
        assert len(found.loadRes(annotations[:2]).anns) == 2


def test_items_are_read_back():
    found = coco.read(io.BytesIO(exported()))
    assert found.problems == []
    assert [control["name"] for control in found.design.controls] == ["cells", "outline", "points"]
    for item, again in zip(IMAGE_ITEMS, found.items, strict=True):
        assert again.id == item.id
        assert again.gold is not None
        shapes = {name: sorted(value, key=str) for name, value in again.gold.items()}
        assert shapes == {name: sorted(value, key=str) for name, value in (item.result or {}).items()}


def other_tools_file(**changes: Any) -> io.BytesIO:
    content = {
        "images": [{"id": 5, "file_name": "a.jpg", "width": 10, "height": 20}, {"id": 6, "file_name": "b.jpg"}],
        "categories": [{"id": 1, "name": "car"}, {"id": 9, "name": "dog", "supercategory": "animal"}],
        "annotations": [
            {"id": 1, "image_id": 5, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0},
            {"id": 2, "image_id": 5, "category_id": 9, "bbox": [0, 0, 2, 2], "segmentation": [[0, 0, 2, 0, 2, 2]]},
        ],
    }
    return io.BytesIO(json.dumps(content | changes).encode())


def test_a_file_of_another_tool_becomes_a_design_with_known_answers():
    found = coco.read(other_tools_file())
    assert [(one["name"], [c["name"] for c in one["classes"]]) for one in found.design.controls] == [
        ("boxes", ["car", "dog"]),
        ("polygons", ["car", "dog"]),
    ]
    assert found.items[0].data == {"image": {"url": "a.jpg", "width": 10, "height": 20}}
    assert found.items[0].gold == {
        "boxes": [{"x": 1, "y": 2, "width": 3, "height": 4, "label": "car"}],
        "polygons": [{"points": [[0, 0], [2, 0], [2, 2]], "label": "dog"}],
    }
    assert found.items[1].gold == {"boxes": [], "polygons": []}


def test_shapes_that_cannot_be_used_are_listed():
    wrong = [
        {"image_id": 99, "category_id": 1, "bbox": [0, 0, 1, 1]},
        {"image_id": 5, "category_id": 7, "bbox": [0, 0, 1, 1]},
        {"image_id": 5, "category_id": 1, "bbox": [0, 0]},
        {"image_id": 5, "category_id": 1, "segmentation": {"counts": "abc", "size": [1, 1]}},
        {"category_id": 1},
        "text",
    ]
    found = coco.read(other_tools_file(annotations=wrong))
    assert found.problem_count == 6
    assert [problem.split(":")[0] for problem in found.problems] == [f"annotations[{n}]" for n in range(6)]
    assert "no image 99" in found.problems[0]
    assert "run lengths" in found.problems[3]


ONE = '{"id": 1, "file_name": "a.jpg"}'
TWICE = f'{{"images": [{ONE}, {ONE}], "annotations": [], "categories": []}}'.encode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[]", "an object with the lists"),
        (b"{", "not JSON"),
        (b'{"images": [{}], "annotations": [], "categories": []}', "images[0]"),
        (b'{"images": [], "annotations": [], "categories": [1]}', "category"),
        (
            TWICE,
            "twice",
        ),
    ],
)
def test_a_file_that_is_no_coco_is_refused(content, says):
    with pytest.raises(FormatProblem) as caught:
        coco.read(io.BytesIO(content))
    assert says in str(caught.value)


def test_a_design_without_shapes_has_no_coco():
    with pytest.raises(FormatProblem, match="asks for none"):
        list(coco.write(TEXT, []))
