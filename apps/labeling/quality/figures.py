"""How good labels are, held against known ones; what plain methods reach on the same answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from apps.labeling.quality.choice import opinion
from apps.labeling.quality.crowd import crowd_of

SURE = 0.95

Answers = Sequence[tuple[str, str, str]]


def accuracy(labels: Mapping[str, str], known: Mapping[str, str]) -> float | None:
    """Share of right labels among items that have one and a known one; None where there are none."""
    judged = [labels[item] == label for item, label in known.items() if item in labels]
    return round(sum(judged) / len(judged), 4) if judged else None


def sureness(results: Mapping[str, tuple[str, float]], known: Mapping[str, str]) -> tuple[float, float | None]:
    """Share of items that are shown as at least 95 % sure, and the share of right ones among them."""
    sure = {item: label for item, (label, confidence) in results.items() if confidence >= SURE}
    return round(len(sure) / max(1, len(results)), 4), accuracy(sure, known)


def model_accuracy(answers: Answers, known: Mapping[str, str]) -> float | None:
    """Of the platform's own consensus."""
    named = crowd_of(answers)
    found = opinion(named.crowd)
    return accuracy(
        {item: named.classes[int(label)] for item, label in zip(named.items, found.label, strict=True)}, known
    )


def majority_accuracy(answers: Answers, known: Mapping[str, str]) -> float | None:
    """Of the majority vote, expected over ties that are broken by chance."""
    by_item: dict[str, list[str]] = defaultdict(list)
    for item, _, label in answers:
        by_item[item].append(label)
    right = 0.0
    judged = [(by_item[item], label) for item, label in known.items() if item in by_item]
    for labels, label in judged:
        counts = Counter(labels)
        best = [name for name, count in counts.items() if count == max(counts.values())]
        right += (label in best) / len(best)
    return round(right / len(judged), 4) if judged else None


def dawid_skene_accuracy(answers: Answers, known: Mapping[str, str]) -> float | None:
    """Of Dawid and Skene's model, in crowd-kit's implementation."""
    # Imported here: pandas, scipy and sklearn cost two seconds and are needed for this comparison alone.
    import pandas
    from crowdkit.aggregation.classification.dawid_skene import DawidSkene

    if not any(item in known for item, _, _ in answers):
        return None
    frame = pandas.DataFrame(answers, columns=["task", "worker", "label"])
    found = DawidSkene(n_iter=100).fit_predict(frame)
    return accuracy({str(item): str(label) for item, label in found.items()}, known)
