"""`manage.py evaluate_retrieval` goes through the real pipeline, gives the known figures and leaves nothing behind."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.core.tenant import all_tenants
from apps.knowledge.models import Chunk, Document, KnowledgeBase, PostingBlock
from apps.knowledge.services.retrieval_figures import ndcg, percentile, recall

pytestmark = pytest.mark.django_db

CORPUS = [
    ("a", "Returns", "You have 30 days from delivery to return an item."),
    ("b", "", "数据库保存了所有的文件和记录。"),
    ("c", "Доставка", "Мы отправляем посылки в Норвегию и Швейцарию."),
    ("d", "الكتب", "توجد الكتب القديمة في هذه المكتبة."),
]


def collection(folder: Path, qrels: str) -> list[str]:
    rows = [json.dumps({"_id": key, "title": title, "text": text}) for key, title, text in CORPUS]
    (folder / "corpus.jsonl").write_text("\n".join(rows))
    questions = {"1": "How many days to return something?", "2": "数据库", "3": "посылка в Швейцарию", "4": "كتاب قديم"}
    lines = [json.dumps({"_id": key, "text": text}) for key, text in questions.items()]
    (folder / "queries.jsonl").write_text("\n".join(lines))
    (folder / "qrels.tsv").write_text(qrels)
    return [
        f"--{name}={folder / file}"
        for name, file in (("corpus", "corpus.jsonl"), ("queries", "queries.jsonl"), ("qrels", "qrels.tsv"))
    ]


def run(*arguments: str) -> dict[str, object]:
    output = io.StringIO()
    call_command("evaluate_retrieval", *arguments, stdout=output)
    figures: dict[str, object] = json.loads(output.getvalue().splitlines()[-1])
    return figures


@pytest.mark.parametrize("header", ["query-id\tcorpus-id\tscore\n", ""])
def test_a_small_collection_in_four_languages_is_found_and_gone(tmp_path: Path, runner: object, header: str) -> None:
    figures = run(*collection(tmp_path, header + "1\ta\t1\n2\tb\t1\n3\tc\t1\n4\td\t1\n"))
    assert (figures["mode"], figures["queries"], figures["documents"]) == ("hybrid", 4, 4)
    assert figures["ndcg_at_10"] == figures["recall_at_10"] == figures["recall_at_100"] == 1.0
    assert all(figures[name] > 0 for name in ("ingest_chunks_per_s", "query_ms_p50", "query_ms_p95"))  # type: ignore[operator]
    with all_tenants(reason="a test looks at everything"):
        assert not KnowledgeBase.objects.filter(name="Evaluation").exists()
        assert not Document.objects.filter(external_id__in=[key for key, *_ in CORPUS]).exists()
        assert not Chunk.objects.filter(text__contains="数据库保存").exists()
        assert not PostingBlock.objects.filter(term="数据").exists()


def test_words_alone_find_what_only_words_can(tmp_path: Path, runner: object) -> None:
    assert run(*collection(tmp_path, "4\td\t2\n"), "--mode=lexical")["ndcg_at_10"] == 1.0


@pytest.mark.parametrize(
    ("qrels", "message"),
    [("9\ta\t1\n", "No question"), ("1\ta\t1\n1\tb\tmuch\n", "line 2"), ("", "No question")],
)
def test_files_that_do_not_fit_are_named(tmp_path: Path, qrels: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*collection(tmp_path, qrels))


def test_the_figures_are_those_of_trec_eval() -> None:
    relevant = {"a": 2.0, "b": 1.0, "c": 0.0}
    ideal = 2 + 1 / math.log2(3)
    assert ndcg(["a", "b"], relevant) == 1.0
    assert ndcg(["b", "c", "a"], relevant) == pytest.approx((1 + 2 / 2) / ideal)
    assert ndcg(["c"], relevant) == ndcg([], {}) == 0.0
    assert recall(["b", "x"], relevant, 10) == 0.5
    assert recall(["x", "b"], relevant, 1) == 0.0
    assert percentile([3, 1, 2, 4], 0.5) == 2
    assert percentile([1.0], 0.95) == 1.0
