"""Reading and attaching LoRA adapters without trusting their configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gpu_runner.errors import UnsupportedModel

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
MAX_CONFIG_BYTES = 64 * 1024
Module = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class AdapterConfig(BaseModel):
    """The fields of PEFT's `adapter_config.json` that we honour; code paths and other methods are refused."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    peft_type: Literal["LORA"]
    r: int = Field(ge=1, le=256)
    lora_alpha: int = Field(gt=0, le=4096)
    target_modules: list[Module] = Field(min_length=1)
    bias: Literal["none"] = "none"
    auto_mapping: None = None
    use_dora: Literal[False] = False
    modules_to_save: None = None


def read_config(directory: Path) -> AdapterConfig:
    """The adapter's configuration. Raises UnsupportedModel naming the field that we do not take."""
    path = directory / CONFIG_FILE
    if not path.is_file() or path.stat().st_size > MAX_CONFIG_BYTES:
        raise UnsupportedModel(f"The adapter has no readable {CONFIG_FILE}.")
    try:
        return AdapterConfig.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UnsupportedModel(f"{CONFIG_FILE}: {field}: {first['msg']}", field=field) from error


def attach_adapter(model: Any, name: str, config: AdapterConfig, tensors: dict[str, Any]) -> Any:
    """Attach an adapter to a model (wrapped on the first time) and load its weights.

    Raises:
        UnsupportedModel: the tensors do not fit the base.
    """
    from peft import LoraConfig, PeftModel, set_peft_model_state_dict

    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=config.r,
        lora_alpha=config.lora_alpha,
        lora_dropout=0.0,
        target_modules=list(config.target_modules),
        inference_mode=True,
    )
    if isinstance(model, PeftModel):
        model.add_adapter(name, lora)
    else:
        model = PeftModel(model, lora, adapter_name=name)
    try:
        result: Any = set_peft_model_state_dict(model, tensors, adapter_name=name)
    except RuntimeError as error:
        model.delete_adapter(name)
        raise UnsupportedModel("The adapter was made for another base model: its tensors do not fit.") from error
    missing = [key for key in result.missing_keys if "lora_" in key and f".{name}." in key]
    if result.unexpected_keys or missing:
        model.delete_adapter(name)
        raise UnsupportedModel("The adapter was made for another base model: its tensors do not match.")
    model.eval()
    return model
