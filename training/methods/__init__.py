"""How a base model is tuned: every method in one table; each file holds a method's configuration and its record."""

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from training.methods.adalora import AdaLora
from training.methods.bottleneck import Bottleneck
from training.methods.full import Full
from training.methods.glora import Glora
from training.methods.hira import Hira
from training.methods.ia3 import Ia3
from training.methods.lora import Lora
from training.methods.method import Method, MethodConfig
from training.methods.miss import Miss
from training.methods.multitask_prompt import MultitaskPrompt
from training.methods.oft import Oft
from training.methods.prompt_tuning import PromptTuning
from training.methods.ptuning import PTuning
from training.methods.ptuning_v2 import PTuningV2
from training.methods.shira import Shira
from training.methods.vera import Vera

_ALL: tuple[Method[Any], ...] = (
    Lora(),
    AdaLora(),
    Vera(),
    Miss(),
    Oft(),
    Hira(),
    Shira(),
    Glora(),
    Ia3(),
    Bottleneck(),
    PromptTuning(),
    MultitaskPrompt(),
    PTuning(),
    PTuningV2(),
    Full(),
)

METHODS: dict[str, Method[Any]] = {method.name: method for method in _ALL}
"""By the ``kind`` of their configuration."""

if TYPE_CHECKING:
    AnyMethodConfig = MethodConfig
else:  # derived from the table, so that a method is registered in one place
    AnyMethodConfig = Annotated[Union[tuple(m.config for m in _ALL)], Field(discriminator="kind")]  # noqa: UP007
