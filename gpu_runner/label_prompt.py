"""How a language model is asked for a class label, the same in training, evaluation and serving."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def instruction(classes: Sequence[str]) -> str:
    """The system message of a classification adapter; derived from its classes, so that it needs no storage."""
    return f"Label the message: {', '.join(classes)}."


def prompt_ids(tokenizer: Any, classes: Sequence[str], text: str, max_tokens: int) -> list[int]:
    """Token ids of the prompt up to where the label starts; the text is cut to `max_tokens`."""
    cut = tokenizer.encode(text, add_special_tokens=False)[:max_tokens]
    messages = [
        {"role": "system", "content": instruction(classes)},
        {"role": "user", "content": tokenizer.decode(cut)},
    ]
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return ids


def label_ids(tokenizer: Any, label: str) -> list[int]:
    """Token ids of a label and the end of the turn."""
    return [*tokenizer.encode(label, add_special_tokens=False), int(tokenizer.eos_token_id)]


def left_padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[Any, Any, Any]:
    """Tensors `input_ids`, `attention_mask`, `position_ids`, each [rows, longest], padded on the left."""
    import torch

    longest = max(len(row) for row in rows)
    ids = torch.tensor([[pad] * (longest - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    return ids, mask, (mask.cumsum(1) - 1).clamp(min=0)


def label_log_probabilities(
    model: Any, tokenizer: Any, classes: Sequence[str], prompts: Sequence[Sequence[int]]
) -> list[list[float]]:
    """Normalised log-probability of each class for each prompt (natural log; each row's exp sums to 1).

    Where the labels differ in their first token that token decides, in one pass; otherwise every label is scored
    whole.
    """
    import torch

    labels = [label_ids(tokenizer, label) for label in classes]
    with torch.inference_mode():
        if len({ids[0] for ids in labels}) == len(labels):
            scores = _first_token_scores(model, tokenizer, labels, prompts)
        else:
            scores = torch.stack([_sequence_scores(model, tokenizer, ids, prompts) for ids in labels], dim=1)
        normalised: list[list[float]] = torch.log_softmax(scores.double(), dim=1).tolist()
    return normalised


def _first_token_scores(
    model: Any, tokenizer: Any, labels: Sequence[Sequence[int]], prompts: Sequence[Sequence[int]]
) -> Any:
    ids, mask, positions = left_padded(prompts, tokenizer.pad_token_id)
    output = model(input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=1, use_cache=False)
    return output.logits[:, -1, [label[0] for label in labels]]


def _sequence_scores(model: Any, tokenizer: Any, label: Sequence[int], prompts: Sequence[Sequence[int]]) -> Any:
    import torch

    rows = [[*prompt, *label] for prompt in prompts]
    ids, mask, positions = left_padded(rows, tokenizer.pad_token_id)
    keep = len(label) + 1
    output = model(input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=keep, use_cache=False)
    log_probabilities = torch.log_softmax(output.logits[:, :-1].float(), dim=-1)
    wanted = torch.tensor(label).expand(len(rows), -1).unsqueeze(-1)
    return log_probabilities.gather(-1, wanted).squeeze(-1).sum(1)
