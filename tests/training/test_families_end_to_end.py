"""Every family from sources to an answer over HTTP, on stand-ins in the layout their authors published."""

from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from common.files import read_json
from domains.medical.knowledge_base import KNOWLEDGE
from models.engines.local import load_engine
from tests.app.serving import CONFIG, serving
from tests.training.test_chain import only_run, run

SMALL = (
    "model.stand_in={vocab_size: 1200, hidden_size: 64, layers: 2, steps: 10}",
    "data.splits.train=300",
    "train.batch_size=4",
    "train.max_length=256",
    "train.max_steps=4",
    "train.save_steps=4",
    "suite=quick",
    "suite.max_items=4",
    "suite.max_new_tokens=8",
    "merge.tokens=40",
)
STAND_INS = ("chatglm2", "chatglm3", "baichuan", "baichuan2", "baichuan_13b", "baichuan2_13b")


def answer(directory: Path) -> str:
    """What the service answers with this model."""
    config = CONFIG.model_copy(update={"max_new_tokens": 8})
    with serving(load_engine(directory), "medical", KNOWLEDGE.load(), config) as running, running.client() as client:
        reply = client.post("/v1/qa", json={"question": "高血压有哪些症状？"})
    assert reply.status_code == 200
    return str(reply.json()["answer"])


@pytest.mark.slow  # LoRA of every family is computed in tests/models, and the chain in test_chain.py
@pytest.mark.parametrize("name", STAND_INS)
def test_qlora_merges_with_proof_and_serves(name: str, tmp_path: Path) -> None:
    run("recipe=medical_qlora", f"model=tiny_{name}", f"model.stand_in.of={name}", *SMALL, f"runs_dir={tmp_path}")
    directory = only_run(tmp_path)
    artifact = read_json(directory / "artifact.json")
    assert artifact["kind"] == "merged" and artifact["merge_proof"]["passed"]
    assert artifact["prompt_format"].startswith(name.split("_")[0])
    assert read_json(directory / "merged/origin.json")["config"]["architectures"]
    assert (directory / "report/index.html").is_file()
    if "13b" not in name:  # its class is our own
        AutoModelForCausalLM.from_pretrained(directory / "merged")
    answer(directory / "merged")


@pytest.mark.slow
@pytest.mark.parametrize("name", STAND_INS)
def test_prefix_trains_evaluates_and_serves(name: str, tmp_path: Path) -> None:
    run(
        "recipe=medical_ptuning_v2",
        f"model=tiny_{name}",
        f"model.stand_in.of={name}",
        *SMALL,
        "method.prefix_length=4",
        f"runs_dir={tmp_path}",
    )
    directory = only_run(tmp_path)
    assert read_json(directory / "artifact.json")["kind"] == "prefix"
    assert (directory / "report/index.html").is_file()
    answer(directory)
