"""The whole chain in one command: dataset, base model, tuning, merge with proof, report.

python training/run.py recipe=medical_qlora
"""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from common.command import DONE, command_line, end_on_sigterm, report_error, run_command
from common.errors import Interrupted, UserError
from common.files import DiskFull
from common.groups import choices, options_of
from common.machine import join_free_blocks

if TYPE_CHECKING:
    from models.run_directory import RunDirectory
    from training.config import StageConfig

HELP = f"""
Builds a dataset, tunes a model on it, merges, evaluates, and writes a report into runs/NAME/TIME/.

  python training/run.py recipe=medical_qlora                        the default: everything embedded, no network
  python training/run.py recipe=medical_ptuning_v2                   deep prompts instead of low-rank adapters
  python training/run.py recipe=medical_qlora data=bencao source.path=llama_data.json
  python training/run.py recipe=medical_qlora model=llama model.path=/models/my-llama train.batch_size=4
  python training/run.py recipe=medical_pretrain                     reads plain text; data=text source.path=DIR
  python training/run.py recipe=medical_lora_pretrain_sft            answers, after recipe=medical_pretrain
  python training/run.py recipe=medical_dpo                          prefers right answers; after recipe=medical_qlora
  python training/run.py recipe=medical_kto                          the same from single answers, good or bad
  python training/run.py recipe=medical_distill                      a smaller model learns from that of medical_qlora
  python training/run.py recipe=math_grpo                            learns from its right answers; after math_qlora
  python training/run.py recipe=medical_reward                       a model that rates answers; then medical_rlhf
  python training/run.py recipe=subjqa_extractive source.path=subjqa model=minilm     an encoder that marks answers
  python training/run.py -m recipe=medical_qlora method.rank=8,16    a sweep: one run per value, on behind a failed one
  python training/run.py recipe=medical_qlora seeds=3                three runs, what chance alone changes in them;
                                                                     then python -m training.compare RUN RUN RUN
  python training/run.py recipe=medical_qlora retention.path=CMMLU   an exam before and after: what was forgotten
  python training/run.py resume=runs/medical_qlora/20261123-101500   resumes an interrupted run
  python training/run.py resume=latest                               resumes the latest one that has not finished
  python training/run.py resume=RUN train.epochs=8                   trains a run for more epochs than it had
  python training/run.py resume=RUN model.path=DIR                   where the base model was moved to
  python training/run.py recipe=NAME … adapter.path=RUN              goes on from an earlier run's adapter, on its base
  python training/run.py recipe=NAME model=generic model.path=RUN    tunes what an earlier run has made

Choices (files in configs/; loss= belongs to recipes of preferences; their data= and those of reward models are pairs;
recipes of pre-training take data= text or prose; extractive recipes take model= encoder, minilm or reader, data= subjqa
and no method):
{choices("run", "preference", "kto", "distill", "pretrain", "reward", "grpo", "extractive")}

Often changed:
  train.epochs=1  train.max_steps=500  train.batch_size=8  train.learning_rate=2e-4|auto  train.max_length=512
  threads=2  method.rank=16  method.prefix_length=32  merge.base=dequantised|original  seed=1  runs_dir=runs

Several GPUs train one run with torchrun --nproc-per-node=4 training/run.py …; its steps have the same rows as those of
one process. Or one run on each: CUDA_VISIBLE_DEVICES=1 python training/run.py …
Every key, its type and bounds: docs/configuration.md. A wrong key or value is reported, with the nearest valid name,
before anything is loaded. Exit codes: 0 done, 1 failed, 2 wrong input or configuration; 130 after Ctrl-C and 143 after
SIGTERM, which save a checkpoint first (a second one stops at once).
"""


START = f"""say which recipe, e.g.
  python training/run.py recipe=medical_qlora          all of it on this machine, as make quickstart: minutes, offline
  python training/run.py resume=latest                 goes on with the latest run that has not finished
  python training/run.py --help                        every choice and key
  recipes: {", ".join(options_of("recipe"))}"""


def main(arguments: list[str]) -> int:
    """Runs the configured chain, once or once per combination of a sweep; returns the exit code."""
    refuse_unknown_launchers()
    if not arguments:
        raise UserError("nothing is asked for, and a whole run takes minutes to days", fix=START)
    end_on_sigterm()
    planned = _planned(arguments)
    from common.logging import start_logging
    from training import processes  # this loads the libraries, only once the configuration is valid

    if not processes.is_first():
        start_logging("WARNING")  # the first one tells what all do
    if len(planned) > 1:
        processes.refuse("a sweep")
        return _sweep(planned)
    [one] = planned
    if one.done and processes.is_first():
        print(one.done)
    if not one.done:
        _run(one)
    return DONE


def _run(one: "Planned") -> None:
    """One run, with its summary."""
    from models.threads import THREADS
    from training.chain import run_chain

    THREADS.use(one.config.threads)
    if summary := run_chain(one.config, one.run, one.command, one.base):
        print(summary)


def _sweep(planned: Sequence["Planned"]) -> int:
    """Runs all, also behind one that fails; returns the exit code of the first failure.

    Raises:
        Interrupted: Ctrl-C or SIGTERM ends the whole sweep.
        DiskFull: There is no room for the others either.
    """
    said = what_differs([one.command for one in planned])
    codes: dict[str, int] = {}
    for number, (one, differs) in enumerate(zip(planned, said, strict=True), 1):
        print(f"\n[{number}/{len(planned)}] {differs}", flush=True)
        try:
            _run(one)
        except (Interrupted, DiskFull):
            raise
        except Exception as error:  # the other runs do not depend on this one, and may take days
            codes[differs] = report_error(error)
    if codes:
        listed = "".join(f"\n  - {differs}" for differs in codes)
        print(f"\n{len(planned)} 次中 {len(codes)} 次失败 · {len(codes)} of {len(planned)} runs failed:{listed}")
    return next(iter(codes.values()), DONE)


def what_differs(commands: Sequence[str]) -> list[str]:
    """The words of each command that not all of them have."""
    words = [shlex.split(command) for command in commands]
    shared = set[str].intersection(*map(set, words))
    return [" ".join(word for word in one if word not in shared) for one in words]


MOST_SEEDS = 20

LAUNCHERS = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
"""Where mpirun says how many processes it has started; torchrun and accelerate say it in ``WORLD_SIZE``."""


def refuse_unknown_launchers() -> None:
    """Refuses to be one of several processes that do not know of each other: each would make a run of its own.

    Raises:
        UserError: A launcher other than torchrun or accelerate has started several.
    """
    for name in LAUNCHERS:
        if os.environ.get(name, "1") not in ("", "0", "1") and "RANK" not in os.environ:
            raise UserError(
                f"{os.environ[name]} processes were started that cannot find each other",
                where=name,
                fix="start them as torchrun --nproc-per-node=N training/run.py …",
            )


class Planned(NamedTuple):
    """A run to do.

    Attributes:
        config: Its configuration.
        command: The command that starts it, or that started the run to resume.
        run: The run to resume.
        base: Where the base of that run is now, if the user says so.
        done: What to say instead, where nothing is left to do.
    """

    config: "StageConfig"
    command: str
    run: "RunDirectory | None" = None
    base: Path | None = None
    done: str = ""


def _planned(arguments: list[str]) -> list[Planned]:
    """The runs that a command line asks for."""
    if any(word.startswith("resume=") for word in arguments):
        from training.resume import read_resume  # these load the libraries, which --help does not need

        resumed = read_resume(arguments)
        return [Planned(resumed.config, resumed.run.command, resumed.run, resumed.base, resumed.done)]
    from common.composition import combinations
    from training.stages import read_stage

    arguments = _with_seeds(arguments)
    commands = [command_line("training/run.py", words) for words in combinations(arguments)]
    return [Planned(config, command) for config, command in zip(read_stage(arguments), commands, strict=True)]


def _with_seeds(arguments: list[str]) -> list[str]:
    """``seeds=N`` is the sweep ``-m seed=1,…,N``.

    Raises:
        UserError: N is no number from 2 to 20, or there is another sweep or seed.
    """
    given = [word for word in arguments if word.startswith("seeds=")]
    if not given:
        return arguments
    number = given[-1].removeprefix("seeds=")
    if not number.isdecimal() or not 2 <= int(number) <= MOST_SEEDS:
        raise UserError("this is no number of seeds", where=given[-1], fix=f"give 2 to {MOST_SEEDS}, e.g. seeds=3")
    others = [word for word in arguments if word not in given]
    if "-m" in others or any(word.startswith("seed=") for word in others):
        raise UserError("seeds= is a sweep over seed=", where=given[-1], fix="give it alone, or -m seed=1,2,3")
    return ["-m", *others, f"seed={','.join(str(seed) for seed in range(1, int(number) + 1))}"]


if __name__ == "__main__":
    join_free_blocks()
    run_command(main, HELP)
