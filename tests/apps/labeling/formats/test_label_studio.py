"""Label Studio's config and JSON: there and back, as its own library reads them, and what is refused."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.labeling.design import Design as OrderDesign
from apps.labeling.formats import label_studio
from apps.labeling.formats.items import Design, FormatProblem, Item
from apps.labeling.formats.json_stream import array_elements
from apps.labeling.formats.label_studio_config import label_config
from apps.labeling.formats.label_studio_design import read_label_config
from apps.labeling.formats.offsets import Utf16
from tests.apps.labeling.formats.label_studio_library import checked_by_label_studio
from tests.apps.labeling.formats.samples import ALL, CHAT, IMAGE, TEXT, control


def exported(design: Design, items: list[Item]) -> bytes:
    return b"".join(label_studio.write(design, items))


@pytest.mark.parametrize("name", ALL)
def test_a_design_is_read_back_from_its_config(name):
    design, _ = ALL[name]
    assert read_label_config(label_config(design)).design == design


@pytest.mark.parametrize("name", ALL)
def test_items_are_read_back_from_their_tasks(name):
    design, items = ALL[name]
    config = read_label_config(label_config(design))
    assert list(label_studio.read(config, io.BytesIO(exported(design, items)))) == items


def test_label_studio_accepts_configs_tasks_and_results_and_converts_them():
    for name, report in checked_by_label_studio({name: (d, exported(d, i)) for name, (d, i) in ALL.items()}).items():
        assert report["problems"] == [], name
        assert report["tasks"] == len(ALL[name][1])


def test_a_config_of_label_studios_own_becomes_a_design():
    config = read_label_config(
        """<View style="x">
        <Header value="Who?"/>
        <Labels name="ner" toName="t"><Label value="PER" background="red" hotkey="p"/><Label value="ORG"/></Labels>
        <Text name="t" value="$body" granularity="word"/>
        <Choices name="mood" toName="t" choice="multiple">
          <View><Choice value="good"/></View><Choice value="bad"/></Choices>
        <Relations><Relation value="of"/></Relations>
        <Image name="img" value="$meta.photo"/>
        <RectangleLabels name="r" toName="img"><Label value="car"/></RectangleLabels>
        </View>"""
    )
    assert config.design.as_json() == {
        "inputs": [
            {"name": "body", "type": "text", "title": ""},
            {"name": "meta_photo", "type": "image", "title": ""},
        ],
        "controls": [
            {
                "type": "spans",
                "name": "ner",
                "input": "body",
                "title": "Who?",
                "required": False,
                "classes": [{"name": "PER", "key": "p"}, {"name": "ORG"}],
                "relation_classes": ["of"],
            },
            control("choices", "mood", "body", classes=[{"name": "good"}, {"name": "bad"}]) | {"required": False},
            control("boxes", "r", "meta_photo", classes=[{"name": "car"}]) | {"required": False},
        ],
    }
    task = {
        "id": 7,
        "data": {"body": "Ann", "meta": {"photo": "https://x.example/1.jpg"}},
        "annotations": [
            {
                "completed_by": {"id": 3, "email": "a@x.example"},
                "lead_time": 2.5,
                "result": [
                    {
                        "id": "q",
                        "from_name": "r",
                        "to_name": "img",
                        "type": "rectanglelabels",
                        "original_width": 200,
                        "original_height": 100,
                        "value": {"x": 10, "y": 10, "width": 50, "height": 50, "rectanglelabels": ["car"]},
                    }
                ],
            },
            {"was_cancelled": True, "result": []},
        ],
        "predictions": [
            {
                "score": 0.75,
                "result": [
                    {"from_name": "mood", "to_name": "t", "type": "choices", "value": {"choices": ["good"]}},
                ],
            }
        ],
    }
    (item,) = label_studio.read(config, io.BytesIO(json.dumps([task]).encode()))
    assert item.id == "7"
    assert item.data == {"body": "Ann", "meta_photo": {"url": "https://x.example/1.jpg"}}
    assert [(one.annotator, one.elapsed_ms) for one in item.answers] == [("3", 2500)]
    assert item.answers[0].answer["r"] == [{"x": 20, "y": 10, "width": 100, "height": 50, "label": "car"}]
    assert item.result is not None
    assert (item.result["mood"], item.confidence, item.made_by) == (["good"], 0.75, "machine")


def test_times_on_a_video_are_counted_in_frames():
    config = read_label_config(
        '<View><TimelineLabels name="s" toName="v"><Label value="a"/></TimelineLabels>'
        '<Video name="v" value="$v" frameRate="25"/></View>'
    )
    value = {"ranges": [{"start": 1, "end": 25}], "timelinelabels": ["a"]}
    task = {"data": {"v": "v.mp4"}, "annotations": [{"result": [{"from_name": "s", "type": "t", "value": value}]}]}
    (item,) = label_studio.read(config, io.BytesIO(json.dumps([task]).encode()))
    assert item.answers[0].answer == {"s": [{"start_ms": 0, "end_ms": 1000, "label": "a"}]}


@pytest.mark.parametrize(
    ("xml", "says"),
    [
        ("<View>\n<Brush name='b' toName='i'/></View>", "<Brush> in line 2: There is no question or input"),
        ("<View>\n\n<Text name='t' value='$t'/></View>", "has no question"),
        ("<View><Choices name='c' toName='t'/></View>", "`toName` names “t”"),
        ("<View><Text name='t' value='$t'/>\n<Choices name='c' toName='t'/></View>", "line 2: It needs at least one"),
        ("<View><Text name='t' value='t'/><Number name='n' toName='t'/></View>", "`value` must name a field"),
        ("<View><Text name='t' value='$t'/><Rating name='n' toName='t' maxRating='11'/></View>", "1 to 10"),
        ("<View><Text name='t' value='$t'/><RectangleLabels name='n' toName='t'/></View>", "type image"),
        ("<View><Text name='t' value='$t'/><Choices name='n' toName='t' value='$c'/></View>", "come with each task"),
        ("<View>\n<Text", "Line 2: This is not XML"),
        ("", "not XML"),
        ('<!DOCTYPE v [<!ENTITY a "aaaa">]>\n<View>&a;</View>', "DOCTYPE"),
        ('<!DOCTYPE v SYSTEM "file:///etc/passwd"><View/>', "DOCTYPE"),
        ("<View>" * 60 + "</View>" * 60, "within each other"),
        ("<View>" + "x" * 1_000_001 + "</View>", "characters"),
    ],
)
def test_a_config_that_cannot_be_used_is_refused_by_tag_and_line(xml, says):
    with pytest.raises(FormatProblem, match=r".") as caught:
        read_label_config(xml)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{}", "one JSON array"),
        (b"[{]", "Element 1"),
        (b'[{"data": {}}', "After element 1"),
        (b'[{"data": {}} {"data": {}}]', "After element 1"),
        (b"[1]", "Task 1: It must be an object"),
        (b'[{"data": {}}, {"data": {}, "annotations": [{"result": [{"from_name": "x"}]}]}]', "Task 2: “x” is no"),
        (b'[{"data": {}, "annotations": [{"result": [{"from_name": "stars"}]}]}]', "Task 1: It is not in Label"),
        (b'[{"data": {}, "annotations": 5}]', "Task 1"),
        (b'[{"data": "\xff"}]', "UTF-8"),
        (b"[" + b"[" * 100_000, "Element 1"),
    ],
)
def test_tasks_that_cannot_be_used_are_named(content, says):
    config = read_label_config(label_config(TEXT))
    with pytest.raises(FormatProblem) as caught:
        list(label_studio.read(config, io.BytesIO(content)))
    assert says in str(caught.value)


def test_a_rotated_rectangle_is_no_box():
    config = read_label_config(label_config(IMAGE))
    value = {"x": 1, "y": 1, "width": 1, "height": 1, "rotation": 45, "rectanglelabels": ["RBC"]}
    result = {"from_name": "cells", "original_width": 9, "original_height": 9, "type": "r", "value": value}
    with pytest.raises(FormatProblem, match="rotated"):
        list(
            label_studio.read(
                config, io.BytesIO(json.dumps([{"data": {}, "annotations": [{"result": [result]}]}]).encode())
            )
        )


def test_only_pairs_need_no_list():
    design = Design(CHAT.inputs[1:], (control("preference", "best", "options"),))
    xml = label_config(design)
    assert "<List" not in xml
    assert read_label_config(xml).design == design


def test_names_become_names_that_a_design_may_have():
    config = read_label_config(
        """<View><Text name="T" value="$Body Text"/><Text name="a" value="$Body.Text"/><Text name="b" value="$split"/>
        <Choices name="Body-Text" toName="a"><Choice value="x"/><Choice value="y"/></Choices>
        <Number name="2nd" toName="b"/></View>"""
    )
    assert [one["name"] for one in config.design.inputs] == ["body_text", "split_2"]
    assert [one["name"] for one in config.design.controls] == ["body_text_2", "x_2nd"]
    results = [{"from_name": "Body-Text", "type": "choices", "value": {"choices": ["x"]}}]
    task = {"data": {"Body": {"Text": "t"}, "split": "s"}, "annotations": [{"result": results}]}
    (item,) = label_studio.read(config, io.BytesIO(json.dumps([task]).encode()))
    assert item.data == {"body_text": "t", "split_2": "s"}
    assert item.answers[0].answer == {"body_text_2": "x"}


@pytest.mark.parametrize("name", ALL)
def test_designs_are_those_of_orders(name):
    design = read_label_config(label_config(ALL[name][0])).design
    checked = OrderDesign.from_json(design.as_json()).as_json()
    assert read_label_config(label_config(Design.from_json(checked))).design.as_json() == checked


@given(text=st.text(max_size=40))
def test_positions_convert_both_ways_in_any_text(text):
    text = "".join(character for character in text if not "\ud800" <= character <= "\udfff")
    offsets = Utf16(text)
    for place in range(len(text) + 1):
        units = len(text[:place].encode("utf-16-le")) // 2
        assert offsets.units(place) == units
        assert offsets.points(units) == place


@given(st.lists(st.recursive(st.text() | st.integers() | st.booleans() | st.none(), st.lists, max_leaves=5)), st.data())
def test_arrays_are_read_however_the_file_is_cut(values, data):
    class Slow(io.BytesIO):
        def read(self, size=-1):
            return super().read(data.draw(st.integers(1, 9)))

    raw = json.dumps(values, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from([None, 2])))
    try:
        encoded = raw.encode()
    except UnicodeEncodeError:
        return
    assert list(array_elements(Slow(encoded))) == values
