"""The whole chain in one command: dataset, base model, tuning, merge with proof, report.

python training/run.py recipe=medical_qlora
"""

from collections.abc import Iterator
from pathlib import Path

from common.command import run_command
from common.errors import UserError
from training.config import RunConfig, StageConfig
from training.extractive.config import ExtractiveRunConfig
from training.run_directory import RunDirectory
from training.stages import read_stage

HELP = """
Builds a dataset, tunes a model on it, merges, evaluates, and writes a report into runs/NAME/TIME/.

  python training/run.py recipe=medical_qlora                        the default: everything embedded, no network
  python training/run.py recipe=medical_ptuning_v2                   deep prompts instead of low-rank adapters
  python training/run.py recipe=medical_qlora data=bencao source.path=llama_data.json
  python training/run.py recipe=medical_qlora model=llama model.path=/models/my-llama train.batch_size=4
  python training/run.py recipe=subjqa_extractive source.path=subjqa model=minilm     an encoder that marks answers
  python training/run.py -m recipe=medical_qlora method.rank=8,16    a sweep: one run per value
  python training/run.py resume=runs/medical_qlora/20261123-101500   continues an interrupted run

Choices (files in configs/):
  recipe=   medical_qlora | medical_ptuning_v2 | subjqa_generative       model=   embedded | llama
            subjqa_extractive (with model= encoder | minilm, data= subjqa, reading.* and no method)
  method=   qlora | lora | ptuning_v2                data=    medical | bencao | toyhom
  suite=    dataset | quick

Often changed:
  train.epochs=1  train.max_steps=500  train.batch_size=8  train.learning_rate=2e-4  train.max_length=512
  threads=2  method.rank=16  method.prefix_length=32  merge.base=dequantised|original  seed=1  runs_dir=runs

Every key, its type and bounds: training/config.py. A wrong key or value is reported, with the nearest valid name,
before anything is loaded. Exit codes: 0 done, 1 failed, 2 wrong input or configuration, 130 interrupted (resumable).
"""


def main(arguments: list[str]) -> None:
    """Runs the configured chain, once or once per combination of a sweep."""
    for config, run in list(_planned(arguments)):
        print(_run(config, run))


def _run(config: StageConfig, run: RunDirectory | None) -> str:
    """Runs one stage; its libraries are loaded only after the configuration was found right."""
    from models.threads import THREADS

    THREADS.use(config.threads)
    if isinstance(config, ExtractiveRunConfig):
        from training.extractive.chain import run_chain as run_extractive_chain

        return run_extractive_chain(config, run)
    from training.chain import run_chain

    assert isinstance(config, RunConfig)
    return run_chain(config, run)


def _planned(arguments: list[str]) -> Iterator[tuple[StageConfig, RunDirectory | None]]:
    """The configurations to run; with the run directory where an earlier run is continued."""
    resume = [word.removeprefix("resume=") for word in arguments if word.startswith("resume=")]
    if resume and len(arguments) > 1:
        raise UserError("a run is continued as it was configured", where="resume", fix="give resume=RUN alone")
    if resume:
        yield RunDirectory.open(Path(resume[0]))
    else:
        yield from ((config, None) for config in read_stage(arguments))


if __name__ == "__main__":
    run_command(main, HELP)
