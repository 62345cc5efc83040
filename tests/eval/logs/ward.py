"""Writes the logs beside this file: pip install inspect_ai==0.3.285, then python tests/eval/logs/ward.py.

Five questions to a scripted model, in both of inspect_ai's formats.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import inspect_ai
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageUser, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, system_message

SAMPLES = [
    Sample(id="w1", input="3加4等于几？", target="7"),
    Sample(id="w2", input=[ChatMessageUser(content="胸口压着疼，出冷汗")], target="120"),
    Sample(id="w3", input="胃在哪里？", choices=["胸腔", "腹腔"], target="B"),
    Sample(id="w4", input="怎么刷牙", target="每天两次"),
    Sample(id="w5", input="高血压有什么症状", target=["头痛", "头晕"]),
]
ANSWERS = {
    "w1": ("答案：7", "stop"),
    "w2": ("请立即拨打120。", "stop"),
    "w3": ("ANSWER: B", "stop"),
    "w4": ("先把牙刷", "max_tokens"),
    "w5": ("头痛", "content_filter"),
}


def outputs() -> Iterator[ModelOutput]:
    """What the model says, sample by sample."""
    for text, reason in ANSWERS.values():
        output = ModelOutput.from_content("mockllm/scripted", text, stop_reason=reason)
        output.usage = ModelUsage(input_tokens=11, output_tokens=len(text), total_tokens=11 + len(text))
        yield output


if __name__ == "__main__":
    folder = Path(__file__).parent
    for form in ("eval", "json"):
        task = inspect_ai.Task(
            SAMPLES, solver=[system_message("请用中文回答。"), generate()], scorer=includes(), name="ward"
        )
        model = get_model("mockllm/scripted", custom_outputs=outputs())
        inspect_ai.eval(task, model, log_dir=str(folder), log_format=form, display="none", max_samples=1)
    for log in folder.glob("*_ward_*"):
        log.rename(folder / f"ward{log.suffix}")
    whole = json.loads((folder / "ward.json").read_text("utf-8"))
    (folder / "ward.json").write_text(json.dumps(whole, ensure_ascii=False, separators=(",", ":")), "utf-8")
