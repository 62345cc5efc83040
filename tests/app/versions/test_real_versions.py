"""Two real (if tiny) models behind the service: one takes the place of the other under 200 requests."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from app.backends.backend import ChatTurn
from app.config import AppConfig
from app.served import chosen
from app.versions.loading import RunsBeside, free_bytes, weight_bytes
from common.errors import UserError
from common.hashing import sha256_text
from models.engines.local import LocalEngine, load_engine
from models.loading import hash_model
from tests.app.serving import CONFIG, serving
from tests.app.versions.operating import Operator, made_keys

CROWD = CONFIG.model_copy(update={"max_batch": 8, "queue_limit": 400, "max_new_tokens": 8})


@pytest.fixture(scope="module")
def runs(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model directories, old and new, whose weights differ."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("old", "new"):
        shutil.copytree(tiny_base, folder / name)
    file = folder / "new" / "model.safetensors"
    torch.manual_seed(1)
    save_file({name: value + 0.1 * torch.randn_like(value) for name, value in load_file(file).items()}, file)
    return folder


def configured(runs: Path, model: str) -> AppConfig:
    return AppConfig(model=str(runs / model), runs_dir=runs, domain="general", dtype="float32", serve=CROWD)


def test_the_memory_of_a_further_model_is_known_before_it_is_loaded(runs: Path) -> None:
    config = configured(runs, "old")
    tensors = load_file(runs / "old" / "model.safetensors").values()
    weights = sum(tensor.numel() for tensor in tensors)
    assert weight_bytes(chosen(config), config) == weights * 4
    gguf = config.model_copy(update={"engine": "llamacpp", "gguf": "q8_0", "dtype": "auto"})
    assert weight_bytes(chosen(gguf), gguf) == int(weights * 34 / 32)
    plan = RunsBeside(config, runs / "old").plan(str(runs / "new"))
    assert (plan.name, plan.domain, plan.needs) == ("new", "general", weight_bytes(chosen(config), config))
    assert 0 < plan.free <= free_bytes() * 2


def test_only_runs_of_its_folder_are_loaded_while_serving(runs: Path, tiny_base: Path) -> None:
    source = RunsBeside(configured(runs, "old"), runs / "old")
    with pytest.raises(UserError, match="only runs below"):
        source.plan(str(tiny_base))
    with pytest.raises(UserError, match="no such directory"):
        source.plan(str(runs / "none"))
    behind = configured(runs, "old").model_copy(update={"engine": "openai"})
    with pytest.raises(UserError, match="another server has the model"):
        RunsBeside(behind, runs / "old").plan(str(runs / "new"))


def said(engine: LocalEngine, question: str) -> str:
    return engine.generate([[ChatTurn("user", question)]], [CROWD.qa_sampling])[0].text


@pytest.mark.slow
def test_no_request_is_lost_while_one_real_model_takes_the_place_of_another(runs: Path, tmp_path: Path) -> None:
    config = configured(runs, "old")
    questions = [f"{name}有哪些症状？" for name in ("高血压", "偏头痛", "慢性胃炎", "普通感冒", "哮喘")]
    engines = {name: load_engine(runs / name, dtype="float32") for name in ("old", "new")}
    alone = {name: {question: said(engine, question) for question in questions} for name, engine in engines.items()}
    assert all(alone["old"][question] != alone["new"][question] for question in questions)
    ids = {sha256_text("old")[:12]: "old", hash_model(runs / "new")[:12]: "new"}
    access, keys = made_keys(tmp_path)
    source = RunsBeside(config, runs / "old")
    with serving(engines["old"], "general", config=CROWD, access=access, source=source) as running:
        operator = Operator(running, keys)

        def ask(number: int) -> tuple[str, str, str]:
            question = questions[number % len(questions)]
            headers = {"Authorization": f"Bearer {keys['doctor']}", "X-Client-Id": str(number)}
            answer = client.post("/v1/qa", json={"question": question}, headers=headers).json()
            return ids[answer["version"]], question, answer["answer"]

        with running.client() as client, ThreadPoolExecutor(200) as pool:
            client.timeout = 240
            asked = [pool.submit(ask, number) for number in range(200)]
            operator.load(str(runs / "new"), share=0.5)
            assert operator.do("/promote").status_code == 200
            later = [pool.submit(ask, number) for number in range(200, 240)]
            answers = [one.result() for one in (*asked, *later)]
        assert len(answers) == 240 and {version for version, *_ in answers} == {"old", "new"}
        for version, question, answer in answers:
            assert answer == alone[version][question]
        assert {one.result()[0] for one in later} == {"new"}
        running.wait_for(lambda: not operator.state["closing"], 60)
