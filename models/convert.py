"""Converts models and adapters between the layout their authors published and the native one.

python -m models.convert model.path=/models/chatglm2-6b out=/models/chatglm2-6b-native
"""

from pathlib import Path

from common.command import read_config, run_command
from common.errors import UserError

HELP = """
Converts a model between the layout its authors published (fused weights, remote code, tokenizer.model) and the native
one (a class of transformers, tokenizer.json, a chat template), which AutoModelForCausalLM, vLLM and llama.cpp load.

  python -m models.convert model.path=/models/chatglm2-6b out=/models/chatglm2-native
  python -m models.convert model.path=runs/NAME/TIME/merged layout=original out=/models/mine-original
  python -m models.convert model.path=/models/baichuan2 norm_head=true out=/models/baichuan2-native
  python -m models.convert model.path=runs/NAME/TIME/merged layout=gguf gguf=q8_0 out=/models/mine-gguf
  python -m models.convert model.path=/models/qwen2.5-7b-instruct-q4_k_m.gguf out=/models/qwen2.5-7b

An adapter that was trained on the original classes becomes one for the native class; a prefix converts both ways:

  python -m models.convert model.path=/models/chatglm2-6b adapter.path=old-lora out=lora
  python -m models.convert model.path=/models/chatglm2-6b prefix.path=output/checkpoint-3000 out=prefix
  python -m models.convert model.path=/models/chatglm2-6b prefix.path=prefix layout=original out=checkpoint

Keys (configs/convert.yaml):
  model.path=DIR     the model; with adapter.path or prefix.path their base
                     also FILE.gguf, owner/name or modelscope:owner/name
  out=DIR            the result; must not exist
  layout=native|original|gguf    gguf: model.gguf for llama.cpp next to the native files
  gguf=f32|f16|bf16|q8_0|q4_0    type of its matrices (default: dtype)
  push.to=DIR|owner/name     a copy of the result; push.dry_run=true only lists what would be copied
  dtype=float32|bfloat16|float16 (default: the type on disk)
  prompt_format=NAME a file of models/prompts/, where the model's own chat template is not to decide
  family=NAME        llama | qwen | chatglm | baichuan | baichuan_alibi | generic, where config.json does not say
  norm_head=true     for a Baichuan2 that neither its vocabulary nor its tokenizer identifies
  model.rope_ratio=linear|base   what ChatGLM's rope_ratio means, where no file says

Only what model.path names is downloaded, and no code from the directory is run.
Exit codes: 0 done, 1 failed, 2 wrong input or configuration.
"""


def main(arguments: list[str]) -> None:
    """Converts one model or adapter."""
    from models.config import ConvertConfig

    [config] = read_config("convert", arguments, ConvertConfig)
    from models.conversion import convert  # loads the libraries only once the configuration is valid

    print(convert(config, _new(Path(config.out).expanduser())))


def _new(out: Path) -> Path:
    if out.exists() and (out.is_file() or any(out.iterdir())):
        raise UserError("this already exists", where=f"out={out}", fix="remove it or choose another out=DIR")
    return out


if __name__ == "__main__":
    run_command(main, HELP)
