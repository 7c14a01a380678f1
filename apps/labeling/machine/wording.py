"""How texts are worded: letters and words as numbers beside their embeddings.

An embedding knows what a text means but blurs the very words that tell close classes apart ("card lost" and "card
late"). Weighted counts of words and of letter sequences, condensed to `AXES` numbers over the order's own texts, keep
them. Joined with the embedding, they bring alike worded texts closer and push others apart a little.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

#: Numbers that a text's wording is condensed to.
AXES = 256
#: Length of the part that says the wording, when the embedding's is 1.
WEIGHT = 0.5
#: Fewer texts tell nothing of which words matter; of more, as many are looked at.
LEAST_TEXTS, MOST_TEXTS = 100, 20_000
#: Letters of a text that count.
_CHARACTERS = 2_000


@dataclass(frozen=True)
class Wording:
    """What was learned from some texts.

    Attributes:
        counters: turn texts into weighted counts. axes: what condenses them.
    """

    counters: list[Any]
    axes: Any

    @classmethod
    def of(cls, texts: Sequence[str]) -> Wording | None:
        """Learn from an order's texts; None where they are too few or have nothing in common. Deterministic."""
        # Imported here: sklearn takes a second that no web process should pay at start-up.
        import numpy as np
        from sklearn.decomposition import TruncatedSVD

        if len(texts) < LEAST_TEXTS:
            return None
        places = np.arange(len(texts))
        if len(texts) > MOST_TEXTS:
            places = np.sort(np.random.default_rng(0).choice(places, MOST_TEXTS, replace=False))
        some = [texts[place][:_CHARACTERS] for place in places.tolist()]
        counters = _counters(some)
        counts = _counted(counters, some)
        if counts is None or counts.shape[1] <= AXES:
            return None
        return cls(counters, TruncatedSVD(AXES, n_iter=3, random_state=0).fit(counts))

    def beside(self, vectors: Floats, texts: Sequence[str]) -> Floats:
        """Embeddings, shape (n, d), with the wording of their texts joined on, shape (n, d + AXES); of unit length."""
        import numpy as np

        said = self.axes.transform(_counted(self.counters, [text[:_CHARACTERS] for text in texts]))
        found: Floats = unit(np.hstack([unit(vectors), WEIGHT * unit(said)]))
        return found


def _counters(texts: Sequence[str]) -> list[Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
    letters = TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 4), min_df=3)
    found = []
    for counter in (words, letters):
        # It is refused where nothing occurs often enough, such as words in a language without spaces.
        with suppress(ValueError):
            found.append(counter.fit(texts))
    return found


def _counted(counters: Sequence[Any], texts: Sequence[str]) -> Any:
    from scipy import sparse

    return sparse.hstack([counter.transform(texts) for counter in counters]).tocsr() if counters else None


def unit(vectors: Floats) -> Floats:
    """Rows scaled to length 1; rows of zeros stay."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Floats = np.ascontiguousarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
    return found


def worded(vectors: Floats, texts: Sequence[str]) -> Floats:
    """Embeddings with the wording of their own texts joined on, where that says anything."""
    wording = Wording.of(texts)
    return vectors if wording is None else wording.beside(vectors, texts)
