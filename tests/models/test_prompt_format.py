"""The renderer: what is trained is what is served, only answers are supervised, and no user can forge a role."""

import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from common.errors import Refused, UserError
from common.files import read_json, write_json
from data_recipes.schema.example import Message
from models import prompt_format as module
from models.loading import load_tokenizer
from models.prompt_format import DECLARATION, PROMPTS, PromptFormat
from models.tokenizers.conversion import baichuan_tokenizer, chatglm_tokenizer, llama_tokenizer
from models.tokenizers.sentencepiece import train_bpe, write_model

FORMATS = sorted(path.stem for path in PROMPTS.glob("*.jinja"))
ONE_ANSWER_A_SEQUENCE = ("baichuan2_chat", "bencao_literature", "chatglm2", "chatglm3", "glm4")

# with the tokenizer of the fixture, whose eos_token is </s> and which puts nothing before a text
GOLDEN = {
    "alpaca": "系统\n\n### Instruction:\n问一\n\n### Response:\n【答一</s>】\n\n"
    "### Instruction:\n问二\n\n### Response:\n【答二</s>】",
    "alpaca_zh": "系统\n\n### 问题:\n问一\n\n### 回答:\n【答一</s>】\n\n### 问题:\n问二\n\n### 回答:\n【答二</s>】",
    "baichuan2_chat": "系统<reserved_106>问一<reserved_107>答一<reserved_106>问二<reserved_107>【答二</s>】",
    "baichuan_chat": "系统<reserved_102>问一<reserved_103>【答一</s>】<reserved_102>问二<reserved_103>【答二</s>】",
    "bencao_bloom": "系统\n问一\n### 回答：\n【答一</s>】\n问二\n### 回答：\n【答二</s>】",
    "bencao_literature": "系统\n\n ### 说明:\n <user>: 问一 <bot>: 答一 <user>: 问二\n\n### 回复:\n【答二</s>】",
    "bencao_med": "系统\n### 问题:\n问一\n### 回答:\n【答一</s>】\n### 问题:\n问二\n### 回答:\n【答二</s>】",
    "chatglm2": "[gMASK]<sop>系统\n\n[Round 1]\n\n问：问一\n\n答：答一\n\n[Round 2]\n\n问：问二\n\n答：【 答二</s>】",
    "chatglm3": "[gMASK]<sop><|system|>\n 系统<|user|>\n 问一<|assistant|>\n 答一"
    "<|user|>\n 问二<|assistant|>【\n 答二</s>】",
    "chatml": "<|im_start|>system\n系统<|im_end|>\n<|im_start|>user\n问一<|im_end|>\n"
    "<|im_start|>assistant\n【答一<|im_end|>】\n"
    "<|im_start|>user\n问二<|im_end|>\n<|im_start|>assistant\n【答二<|im_end|>】",
    "glm4": "[gMASK]<sop><|system|>\n系统<|user|>\n问一<|assistant|>\n答一"
    "<|user|>\n问二<|assistant|>【\n答二<|user|>】",
    "llama2_chat": "<s>[INST] <<SYS>>\n系统\n<</SYS>>\n\n问一 [/INST]【 答一 </s>】"
    "<s>[INST] 问二 [/INST]【 答二 </s>】",
    "llama3_chat": "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n系统<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\n问一<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n【答一<|eot_id|>】"
    "<|start_header_id|>user<|end_header_id|>\n\n问二<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n【答二<|eot_id|>】",
    "xinglin": "<|system|>系统<|user|>问一<|assistant|>【答一</s>】<|user|>问二<|assistant|>【答二</s>】",
}

WITHOUT_SYSTEM = {
    "alpaca": "Below is an instruction that describes a task. Write a response that appropriately completes the "
    "request.\n\n### Instruction:\n列出症状\n高血压\n\n### Response:\n",
    "alpaca_zh": "### 问题:\n列出症状\n高血压\n\n### 回答:\n",
    "bencao_bloom": "下面是一个问题，运用医学知识来正确回答提问.\n列出症状\n高血压\n### 回答：\n",
    "bencao_literature": "以下是描述任务的说明，编写适当地回复完成请求的响应。\n\n ### 说明:\n"
    " <user>: 列出症状\n高血压\n\n### 回复:\n",
    "bencao_med": "下面是一个问题，运用医学知识来正确回答提问.\n### 问题:\n列出症状\n高血压\n### 回答:\n",
    "chatglm2": "[gMASK]<sop>[Round 1]\n\n问：列出症状\n高血压\n\n答：",
    "plain": "列出症状\n高血压",
}


def turns(*contents: str) -> list[Message]:
    return [Message(role="user" if i % 2 == 0 else "assistant", content=c) for i, c in enumerate(contents)]


def with_system(*contents: str) -> list[Message]:
    return [Message(role="system", content="系统"), *turns(*contents)]


def declared(name: str, key: str) -> list[str]:
    found = dict(DECLARATION.findall((PROMPTS / f"{name}.jinja").read_text(encoding="utf-8")))
    return str(found.get(key, "")).split()


def formatted(name: str, tokenizer: PreTrainedTokenizerBase) -> PromptFormat:
    """The format on a byte-level tokenizer that has its tokens, so that decoding gives the rendered text."""
    tokens = [token for key in ("stop", "needs") for token in declared(name, key) if token != "eos_token"]
    tokenizer.add_tokens(tokens, special_tokens=True)
    return PromptFormat.named(name, tokenizer)


@pytest.fixture(params=FORMATS)
def prompt_format(request: pytest.FixtureRequest, tiny_base: Path) -> PromptFormat:
    return formatted(request.param, load_tokenizer(tiny_base))


@pytest.fixture(params=[name for name in FORMATS if name != "plain"])
def chat_format(request: pytest.FixtureRequest, tiny_base: Path) -> PromptFormat:
    return formatted(request.param, load_tokenizer(tiny_base))


def marked(prompt_format: PromptFormat, messages: list[Message]) -> str:
    """The text of the last sequence with 【…】 around what is supervised."""
    sequence = prompt_format.render_all(messages)[-1]
    runs = groupby(zip(sequence.ids, sequence.mask, strict=True), key=lambda pair: pair[1])
    texts = [(mask, prompt_format.tokenizer.decode([token for token, _ in run])) for mask, run in runs]
    return "".join(f"【{text}】" if mask else text for mask, text in texts)


@pytest.mark.parametrize("name", GOLDEN)
def test_text_and_supervised_spans_of_two_turns(name: str, tiny_base: Path) -> None:
    assert (
        marked(formatted(name, load_tokenizer(tiny_base)), with_system("问一", "答一", "问二", "答二")) == GOLDEN[name]
    )


def test_plain_continues_one_text(tiny_base: Path) -> None:
    plain = formatted("plain", load_tokenizer(tiny_base))
    assert marked(plain, with_system("问一", "答一")) == "系统\n\n问一【答一</s>】"
    with pytest.raises(UserError, match="'plain' cannot render this conversation: it continues one text"):
        plain.render_prompt(turns("问一", "答一", "问二"))


def test_every_format_has_a_golden_text() -> None:
    assert {*GOLDEN, "plain"} == set(FORMATS)


@pytest.mark.parametrize("name", WITHOUT_SYSTEM)
def test_prompt_in_plain_text_holds_instruction_and_input(name: str, tiny_base: Path) -> None:
    prompt_format = formatted(name, load_tokenizer(tiny_base))
    ids = prompt_format.render_prompt(turns("列出症状\n高血压"))
    assert prompt_format.tokenizer.decode(ids) == WITHOUT_SYSTEM[name]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_answer_is_trained_behind_the_prompt_that_service_sends(chat_format: PromptFormat, count: int) -> None:
    spoken = [text for i in range(count) for text in (f" 问题{i}？\n", f"答案{i}。")]
    for conversation in (turns(*spoken), with_system(*spoken)):
        sequences = chat_format.render_all(conversation)
        ends = [i for i, turn in enumerate(conversation) if turn.role == "assistant"]
        apart = chat_format.name in ONE_ANSWER_A_SEQUENCE
        assert len(sequences) == (count if apart else 1)
        for number, end in enumerate(ends):
            sequence = sequences[number if apart else 0]
            prompt = chat_format.render_prompt(conversation[:end])
            assert sequence.ids[: len(prompt)] == prompt
            assert sequence.mask[len(prompt) - 1 : len(prompt) + 1] == [0, 1]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_supervised_tokens_are_the_answers_with_their_stop_token(chat_format: PromptFormat, count: int) -> None:
    spoken = [text for i in range(count) for text in (f"问题{i}", f"答案{i}！")]
    answers = [answer for sequence in chat_format.render_all(turns(*spoken)) for answer in sequence.answers]
    assert [chat_format.decode(answer) for answer in answers] == [f"答案{i}！" for i in range(count)]
    assert all(answer[-1] == chat_format.stop_ids[0] for answer in answers)
    assert not any(set(answer[:-1]) & set(chat_format.stop_ids) for answer in answers)


def test_supervise_last_leaves_earlier_answers_out(chat_format: PromptFormat) -> None:
    rendered = chat_format.render(turns("问一", "答一。", "问二", "答二！"), supervise="last")
    assert [chat_format.decode(answer) for answer in rendered.answers] == ["答二！"]


def test_conversation_of_several_sequences_is_never_cut_to_one(tiny_base: Path) -> None:
    chatglm2 = formatted("chatglm2", load_tokenizer(tiny_base))
    assert len(chatglm2.render(turns("问一", "答一")).answers) == 1
    with pytest.raises(ValueError, match="render_all"):
        chatglm2.render(turns("问一", "答一", "问二", "答二"))


def test_declared_tokens_are_all_that_the_template_writes(prompt_format: PromptFormat) -> None:
    body = DECLARATION.sub("", (PROMPTS / f"{prompt_format.name}.jinja").read_text(encoding="utf-8"))
    written = set(re.findall(r"<\|?[a-z_0-9]+\|?>(?!:)|</s>|\[gMASK\]", body)) - {"<|user|>"}
    assert written <= {word for key in ("stop", "needs") for word in declared(prompt_format.name, key)}
    assert "{% generation %}" in body


def test_tokens_and_marks_typed_by_a_user_open_no_turn(prompt_format: PromptFormat) -> None:
    special = [t.content for t in prompt_format.tokenizer.added_tokens_decoder.values() if t.special]
    written = (PROMPTS / f"{prompt_format.name}.jinja").read_text(encoding="utf-8")
    marks = re.findall(r'"(### .*?)"', written) + [m for m in declared(prompt_format.name, "marks") if m[0] in "<["]
    clean = prompt_format.tokenizer.decode(prompt_format.render_prompt(turns("你好")))
    for forged in [*special, *marks]:
        ids = prompt_format.render_prompt(turns(f"你好{forged}我是医生{forged}{forged}"))
        assert prompt_format.tokenizer.decode(ids).count(forged) == clean.count(forged)


def test_system_turn_forges_nothing_either(prompt_format: PromptFormat) -> None:
    stop = prompt_format.stop_ids[0]
    said = [Message(role="system", content=f"规则{prompt_format.stop[0]}"), *turns("你好")]
    clean = prompt_format.render_prompt(with_system("你好"))
    assert prompt_format.render_prompt(said).count(stop) == clean.count(stop)


@pytest.mark.parametrize(
    "content",
    [
        "BP < 140/90 mmHg，[注] 见第 2 轮",
        "people feel sophisticated",
        "a </ s> b",
        "问：头痛\n答：休息",
        "## 标题\n### 小结",
    ],
)
def test_text_without_tokens_or_marks_is_not_changed(prompt_format: PromptFormat, content: str) -> None:
    assert content in prompt_format.tokenizer.decode(prompt_format.render_prompt(turns(content)))


def test_system_turn_is_never_dropped(prompt_format: PromptFormat) -> None:
    ids = prompt_format.render_prompt([Message(role="system", content="只答一句"), *turns("你好")])
    text = prompt_format.tokenizer.decode(ids)
    assert 0 <= text.index("只答一句") < text.index("你好")


@pytest.mark.parametrize(
    "roles", ["", "assistant user", "user user", "user system user", "system", "user assistant", "user tool user"]
)
def test_roles_in_another_order_are_an_error_that_names_the_format(prompt_format: PromptFormat, roles: str) -> None:
    messages = [Message.model_construct(role=role, content="话") for role in roles.split()]  # type: ignore[arg-type]
    with pytest.raises(UserError, match=f"prompt format {prompt_format.name!r} cannot render the roles"):
        prompt_format.render_prompt(messages)


def test_rendered_text_equals_the_chat_template_of_the_saved_tokenizer(prompt_format: PromptFormat) -> None:
    several = prompt_format.name != "plain"
    conversation = turns("高血压有什么症状？", "头痛。", "还有呢？") if several else turns("高血压的症状有")
    prompt_format.tokenizer.chat_template = prompt_format.template
    through_template = prompt_format.tokenizer.apply_chat_template(
        [m.model_dump() for m in conversation], add_generation_prompt=True, return_dict=False
    )
    assert prompt_format.render_prompt(conversation) == through_template


def test_threads_that_render_at_the_same_time_do_not_disturb_each_other(
    chat_format: PromptFormat,
) -> None:
    conversations = [turns("问" * n, "答" * (40 - n)) for n in range(1, 33)]
    alone = [chat_format.render(conversation) for conversation in conversations]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(chat_format.render, conversations)) == alone
    finally:
        sys.setswitchinterval(before)


def test_format_comes_back_as_it_was_saved(prompt_format: PromptFormat, tmp_path: Path) -> None:
    prompt_format.save(tmp_path)
    loaded = PromptFormat.load(tmp_path, prompt_format.tokenizer)
    assert (loaded.sha256, loaded.stop, loaded.name) == (prompt_format.sha256, prompt_format.stop, prompt_format.name)


def test_changed_template_is_refused(prompt_format: PromptFormat, tmp_path: Path) -> None:
    prompt_format.save(tmp_path)
    stored = read_json(tmp_path / "prompt_format.json")
    write_json(tmp_path / "prompt_format.json", stored | {"template": stored["template"] + " "})
    with pytest.raises(Refused, match="changed after training"):
        PromptFormat.load(tmp_path, prompt_format.tokenizer)


def test_another_tokenizer_is_refused_and_the_difference_named(tiny_base: Path, tmp_path: Path) -> None:
    formatted("xinglin", load_tokenizer(tiny_base)).save(tmp_path)
    other = load_tokenizer(tiny_base)
    other.add_tokens(["feel"])
    with pytest.raises(Refused, match=r"other ids for English\)"):
        PromptFormat.load(tmp_path, other)


def test_tokenizer_that_lost_a_token_of_the_format_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    formatted("chatml", load_tokenizer(tiny_base)).save(tmp_path)
    with pytest.raises(Refused, match=r"tokenizer was changed after training \(it has no '<\|im_end\|>'"):
        PromptFormat.load(tmp_path, load_tokenizer(tiny_base))


def test_file_of_an_older_version_says_what_is_missing(tiny_base: Path, tmp_path: Path) -> None:
    formatted("xinglin", load_tokenizer(tiny_base)).save(tmp_path)
    stored = read_json(tmp_path / "prompt_format.json")
    del stored["probes"]
    write_json(tmp_path / "prompt_format.json", stored)
    with pytest.raises(UserError, match="lacks probes"):
        PromptFormat.load(tmp_path, load_tokenizer(tiny_base))


@pytest.mark.parametrize("name", [name for name in FORMATS if declared(name, "needs") and name != "xinglin"])
def test_tokenizer_without_the_tokens_of_a_format_is_an_error(name: str, tiny_base: Path) -> None:
    tokenizer = load_tokenizer(tiny_base)
    missing = [t for t in (*declared(name, "stop"), *declared(name, "needs")) if t not in tokenizer.get_vocab()]
    if name == "llama2_chat":  # every tokenizer with <s> has what it needs
        assert not missing
        return
    with pytest.raises(UserError, match=re.escape(f"no special token {missing[0]!r}")) as error:
        PromptFormat.named(name, tokenizer)
    assert f"prompt format {name!r}" in str(error.value) and str(tiny_base) in str(error.value)


def test_token_that_is_not_special_is_not_enough(tiny_base: Path) -> None:
    tokenizer = load_tokenizer(tiny_base)
    tokenizer.add_tokens(["<reserved_106>", "<reserved_107>"])
    with pytest.raises(UserError, match="no special token '<reserved_106>', '<reserved_107>'"):
        PromptFormat.named("baichuan2_chat", tokenizer)


@pytest.mark.parametrize(
    ("head", "problem"),
    [("", "the format does not declare its stop tokens"), ("{#- stops: </s> -#}\n", "unknown declaration stops")],
)
def test_format_file_without_a_right_head_is_an_error(
    head: str, problem: str, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.jinja").write_text(f"{head}{{{{ messages }}}}", encoding="utf-8")
    monkeypatch.setattr(module, "PROMPTS", tmp_path)
    with pytest.raises(UserError, match=rf"own\.jinja: {problem}"):
        PromptFormat.named("own", load_tokenizer(tiny_base))


def test_unknown_format_names_the_known_ones(tiny_base: Path) -> None:
    with pytest.raises(UserError, match="alpaca_zh"):
        PromptFormat.named("nonsense", load_tokenizer(tiny_base))


CORPUS = [
    "高血压有什么症状？头痛、头晕和心悸。",
    "# [Round 1] 问：你好 答：你好，请问有什么可以帮你？",
    "People feel fine after 120 minutes of rest.",
] * 30


@pytest.fixture(scope="module")
def sentencepiece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a small ``tokenizer.model`` that puts a dummy prefix before every text."""
    directory = tmp_path_factory.mktemp("sentencepiece")
    reserved = [f"<reserved_{number}>" for number in range(102, 104)]
    write_model(train_bpe(CORPUS, 367, dummy_prefix=True, user_defined=reserved), directory / "tokenizer.model")
    write_json(directory / "generation_config.json", {"user_token_id": 3, "assistant_token_id": 4})
    return directory


def pieces(prompt_format: PromptFormat, ids: list[int]) -> str:
    return " ".join(prompt_format.tokenizer.convert_ids_to_tokens(ids))


def test_chatglm2_encodes_the_prompt_as_one_text_and_the_answer_as_another(sentencepiece: Path) -> None:
    chatglm2 = PromptFormat.named("chatglm2", chatglm_tokenizer(sentencepiece, roles=False))
    tokenizer = chatglm2.tokenizer
    prompt = "[Round 1]\n\n问：你好\n\n答：请问\n\n[Round 2]\n\n问：头痛\n\n答："
    first, second = chatglm2.render_all(turns("你好", "请问", "头痛", " 心悸。"))
    assert chatglm2.render_prompt(turns("你好", "请问", "头痛")) == tokenizer.encode(prompt)
    answers = [tokenizer.encode(text, add_special_tokens=False) for text in ("请问", " 心悸。")]
    assert first.answers == [[*answers[0], tokenizer.eos_token_id]]
    assert second.answers == [[*answers[1], tokenizer.eos_token_id]]
    assert second.ids == tokenizer.encode(prompt) + second.answers[0]
    assert chatglm2.decode(first.answers[0]) == "请问"


def test_chatglm3_encodes_role_line_and_content_of_each_turn(sentencepiece: Path) -> None:
    chatglm3 = PromptFormat.named("chatglm3", chatglm_tokenizer(sentencepiece, roles=True))
    shown = pieces(chatglm3, chatglm3.render_prompt(turns("头", "痛", "心")))
    assert shown == (
        "[gMASK] <sop> <|user|> ▁ <0x0A> ▁ 头 <|assistant|> ▁ <0x0A> ▁ 痛 <|user|> ▁ <0x0A> ▁ 心 <|assistant|>"
    )
    assert chatglm3.stop == ("</s>", "<|user|>", "<|observation|>")


def test_baichuan_encodes_each_message_as_a_text_of_its_own(sentencepiece: Path) -> None:
    baichuan = PromptFormat.named("baichuan_chat", baichuan_tokenizer(sentencepiece))
    shown = pieces(baichuan, baichuan.render(turns("头", "痛", "心", "悸")).ids)
    user, assistant = "<reserved_102> ▁", "<reserved_103> ▁"
    assert shown == f"{user} 头 {assistant} 痛 </s> {user} 心 {assistant} 悸 </s>"


def test_format_in_plain_text_begins_as_the_tokenizer_begins_a_text(sentencepiece: Path, tiny_base: Path) -> None:
    begins = {
        "": load_tokenizer(tiny_base),
        "<s> ▁": llama_tokenizer(sentencepiece),
        "[gMASK] <sop> ▁": chatglm_tokenizer(sentencepiece, roles=False),
    }
    for begin, tokenizer in begins.items():
        prompt_format = PromptFormat.named("alpaca_zh", tokenizer)
        assert pieces(prompt_format, prompt_format.render_prompt(turns("头痛"))).startswith(f"{begin} # # #".strip())
        rendered = prompt_format.render(turns("头痛", "心悸"))
        assert prompt_format.decode(rendered.answers[0]) == "心悸"
        assert "▁" not in pieces(prompt_format, rendered.answers[0])  # the answer continues the same text


@pytest.mark.parametrize(("model", "recorded"), [("tiny_glm", "chatglm2_tiny"), ("tiny_bc1", "baichuan1_tiny")])
def test_prompts_equal_those_of_the_original_code(model: str, recorded: str, shared: Path, tmp_path: Path) -> None:
    shutil.copy(shared / f"oracle/tokenizers/{model}.model", tmp_path / "tokenizer.model")
    if model == "tiny_glm":
        prompt_format = PromptFormat.named("chatglm2", chatglm_tokenizer(tmp_path, roles=False))
    else:
        prompt_format = PromptFormat.named("baichuan_chat", baichuan_tokenizer(tmp_path))
    for chat in read_json(shared / f"oracle/tokenizers/{recorded}.json")["chat"]:
        history = [text for pair in chat.get("history", []) for text in pair]
        messages = [Message(**m) for m in chat["messages"]] if "messages" in chat else turns(*history, chat["query"])
        assert prompt_format.render_prompt(messages) == chat["input_ids"]
