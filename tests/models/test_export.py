"""What is exported: the card says what is recorded, servers know where to stop, a push harms nothing."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from transformers import GenerationConfig

from common.errors import UserError
from domains.medical.knowledge_base import KNOWLEDGE
from domains.prose import corpus
from models.artifact import SelectedRecord
from models.card import CardContent, ScoreRow, write_model_card
from models.config import PushConfig, StandInConfig
from models.convert import main as convert
from models.loading import hash_model, load_tokenizer
from models.push import push
from models.stand_ins import build
from tests.artifacts import artifact

ARTIFACT = artifact(
    "merged",
    model_version="medical-1",
    base={"name": "baichuan2_7b", "path": "/models/b", "sha256": "ab" * 32, "family": "baichuan"},
    prompt_format="baichuan2_chat",
)
CONTENT = CardContent(
    dataset="medical",
    dataset_rows="read 9, kept 7, dropped duplicate_question 2",
    dataset_directory=Path("/cache/datasets/ab12"),
    about=("医学问答。", "Medical QA."),
    data_licence="Apache-2.0",
    project_data=True,
    settings=["rank=8"],
    systems=["base", "tuned"],
    scores=[ScoreRow("unseen", "rouge_l_zh", 40, ["10.0% [8, 12]", "30.0% [27, 33]"], "更好 better")],
    overlaps={"unseen": "40 题中：相同问题 3"},
    base_hub_name="baichuan-inc/Baichuan2-7B-Chat",
)


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    prose = corpus(KNOWLEDGE.load(), KNOWLEDGE)[:200]
    made = {}
    for name in ("chatglm3", "baichuan", "baichuan_13b"):
        made[name] = tmp_path_factory.mktemp(name)
        config = {"of": name, "vocab_size": 1000, "hidden_size": 64, "steps": 0}
        build(prose, StandInConfig.model_validate(config), made[name])
    return made


def test_card_holds_base_data_scores_proof_and_limits(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/LICENSE.txt").write_text("terms")
    (tmp_path / "out").mkdir()
    write_model_card(tmp_path / "out", ARTIFACT, CONTENT, tmp_path / "base")
    card = (tmp_path / "out/README.md").read_text(encoding="utf-8")
    _, front, body = card.split("---\n", 2)
    assert yaml.safe_load(front) == {
        "language": ["zh"],
        "license": "other",
        "license_name": "as-the-base-model",
        "license_link": "LICENSE.txt",
        "base_model": "baichuan-inc/Baichuan2-7B-Chat",
        "pipeline_tag": "text-generation",
        "library_name": "transformers",
        "tags": ["xinglin", "baichuan"],
    }
    assert "| unseen | rouge_l_zh | 40 | 10.0% [8, 12] | 30.0% [27, 33] | 更好 better |" in body
    for said in (
        "ab" * 32,
        "相同问题 3",
        "ef" * 32,
        "30.0% [27, 33]",
        "1.50e-04",
        "不能代替医生",
        "for commercial use of Baichuan2",
        "rank=8",
        "kept 7, dropped duplicate_question 2",
        "/cache/datasets/ab12",
    ):
        assert said in body
    assert (tmp_path / "out/LICENSE.txt").read_text() == "terms"


def test_card_of_a_prefix_says_why_it_is_not_merged_and_of_our_own_base_that_it_is_a_toy(tmp_path: Path) -> None:
    prefix = artifact("prefix", base=ARTIFACT.base.model_copy(update={"name": "embedded", "family": "llama"}))
    own = replace(CONTENT, own_base=True, base_hub_name=None, scores=[], overlaps={})
    write_model_card(tmp_path, prefix, own, tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "a prefix cannot be merged" in card and "回答不可采信" in card and "license: apache-2.0" in card
    assert "library_name: peft" in card and 'load_model("embedded")' in card
    assert "Scores" not in card and "Merge proof" not in card and "base_model" not in card


def test_card_says_which_values_the_dev_loss_has_selected(tmp_path: Path) -> None:
    selected = SelectedRecord(step=6, steps=12, dev_loss=2.0, evaluations=4, stopped_early=True)
    for folder, record in {"watched": selected, "not": None}.items():
        (tmp_path / folder).mkdir()
        write_model_card(tmp_path / folder, artifact("prefix", selected=record), CONTENT, tmp_path)
    told = (tmp_path / "watched/README.md").read_text(encoding="utf-8")
    assert "the values after step 6（共 of 12，提前停止 stopped early），验证损失 dev loss 2.0000" in told
    assert "values kept" not in (tmp_path / "not/README.md").read_text(encoding="utf-8")


def test_card_of_a_model_trained_on_own_data_does_not_license_it(tmp_path: Path) -> None:
    own = replace(CONTENT, data_licence="a knowledge base of your own", project_data=False)
    for name, content in {"base": own, "toy": replace(own, own_base=True, base_hub_name=None)}.items():
        (tmp_path / name).mkdir()
        write_model_card(tmp_path / name, ARTIFACT, content, tmp_path)
    read = {
        name: yaml.safe_load((tmp_path / name / "README.md").read_text().split("---\n")[1]) for name in ("base", "toy")
    }
    assert {front["license"] for front in read.values()} == {"other"}
    assert read["base"]["license_name"] == "as-the-base-model-and-the-training-data"
    assert read["toy"]["license_name"] == "as-the-training-data"


def test_card_of_a_base_that_merely_calls_itself_embedded_claims_no_licence_for_it(tmp_path: Path) -> None:
    record = ARTIFACT.base.model_copy(update={"name": "embedded", "family": "llama"})
    write_model_card(tmp_path, ARTIFACT.model_copy(update={"base": record}), CONTENT, tmp_path)
    assert "apache-2.0" not in (tmp_path / "README.md").read_text(encoding="utf-8").split("---")[1]


def test_native_export_tells_servers_every_stop_token(stand_ins: dict[str, Path], tmp_path: Path) -> None:
    convert([f"model.path={stand_ins['chatglm3']}", f"out={tmp_path / 'native'}"])
    stops = GenerationConfig.from_pretrained(tmp_path / "native").eos_token_id
    tokens = load_tokenizer(tmp_path / "native").convert_ids_to_tokens(stops)
    assert tokens == ["</s>", "<|user|>", "<|observation|>"]
    served = GenerationConfig.from_pretrained(tmp_path / "native")
    assert (served.pad_token_id, served.bos_token_id) == (
        0,
        None,
    )  # ChatGLM's tokenizer has no begin token


def test_card_of_a_conversion_names_its_source_and_keeps_its_card_and_licence(
    stand_ins: dict[str, Path], tmp_path: Path
) -> None:
    source = shutil.copytree(stand_ins["chatglm3"], tmp_path / "clinic-glm")
    (source / "README.md").write_text("what the clinic says of it")
    (source / "MODEL_LICENSE").write_text("terms")
    convert([f"model.path={source}", f"out={tmp_path / 'native'}"])
    card = (tmp_path / "native/README.md").read_text(encoding="utf-8")
    assert "clinic-glm" in card and hash_model(source) in card and "license_link: MODEL_LICENSE" in card
    assert (tmp_path / "native/README.source.md").read_text() == "what the clinic says of it"
    assert (tmp_path / "native/MODEL_LICENSE").read_text() == "terms"


def test_push_copies_to_a_directory_and_a_dry_run_only_tells(
    stand_ins: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, there = f"model.path={stand_ins['chatglm3']}", tmp_path / "there"
    convert([base, f"out={tmp_path / 'a'}", f"push.to={there}", "push.dry_run=true"])
    assert not there.exists() and "model.safetensors" in capsys.readouterr().out
    for out in ("b", "c"):  # the second replaces the first
        convert([base, f"out={tmp_path / out}", f"push.to={there}"])
        assert sorted(path.name for path in there.iterdir()) == sorted(path.name for path in (tmp_path / out).iterdir())


def test_push_leaves_other_directories_alone_and_names_a_hub_that_is_out_of_reach(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    (tmp_path / "model").mkdir()
    with pytest.raises(UserError, match="contains something else"):
        push(tmp_path / "model", PushConfig(to=str(tmp_path / "mine")), "config.json")
    assert (tmp_path / "mine/thesis.txt").is_file()
    with pytest.raises(UserError, match="pushing to clinic/model failed"):
        push(tmp_path / "model", PushConfig(to="clinic/model", dry_run=False), "config.json")
    with pytest.raises(UserError, match="not a name on ModelScope"):
        push(tmp_path / "model", PushConfig(to="modelscope:model"), "config.json")


def test_push_to_a_hub_offline_is_a_dry_run_unless_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    for hub in ("clinic/model", "modelscope:clinic/model"):
        said = push(tmp_path, PushConfig(to=hub), "config.json")
        assert said == f"dry run: config.json (2 bytes): 2 bytes would go to {hub}"
    assert push(tmp_path, PushConfig(), "config.json") == ""


def test_gguf_of_what_llama_cpp_does_not_know_is_refused_before_the_model_is_loaded(
    stand_ins: dict[str, Path], tmp_path: Path
) -> None:
    for name, reason in (("baichuan_13b", "ALiBi with 2 layers"), ("chatglm3", "no tokenizer that splits")):
        config_alone = tmp_path / name
        config_alone.mkdir()
        shutil.copy(stand_ins[name] / "config.json", config_alone)
        with pytest.raises(UserError, match=reason):
            convert([f"model.path={config_alone}", "layout=gguf", f"out={tmp_path / 'out'}"])
