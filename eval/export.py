"""Writes exams and results in the formats of lm-evaluation-harness, and results as logs of inspect_ai.

python eval/export.py suite=medical_exam suite.path=CMMLU out=tasks
"""

from common.command import read_config, run_command
from common.groups import choices

HELP = f"""
Writes what lm-evaluation-harness reads (written for lm_eval 0.4.13).

  python eval/export.py suite=medical_exam suite.path=CMMLU out=tasks    an exam: a YAML and JSONL files per subject
  lm_eval run --include_path tasks --tasks xinglin_medical_exam --model hf --model_args pretrained=DIR
  lm_eval run --include_path tasks --tasks xinglin_medical_exam --model local-completions --model_args \\
      model=NAME-raw,base_url=http://127.0.0.1:8000/v1/completions,tokenizer=RUN/merged,max_length=1024
                                             the same of our service, started with serve.raw_model=true
  python eval/export.py report=report out=results                        a report: results_….json of every system
  python eval/export.py report=report format=inspect out=logs            the same as logs: inspect view --log-dir logs

Keys:
  format=lm_eval   of a report's results: lm_eval, or inspect (inspect_ai 0.3.285): a log of every system and suite
  out=DIR       where to
  report=DIR    the directory of a report that eval/run.py or a training wrote

Choices (files in configs/; only exams can be written):
{choices("export")}

Often changed:
  suite.exam.shots=0   suite.exam.subjects=[anatomy,nutrition]   suite.max_items=100

Every key: docs/configuration.md. Exit codes: 0 done, 1 failed, 2 wrong input.
"""


def main(arguments: list[str]) -> None:
    """Writes as configured."""
    from eval.config import ExportConfig  # these load the libraries, which --help does not need
    from eval.exams.exam import read_exam
    from eval.exams.harness import group_of, write_tasks
    from eval.harness_results import write_results
    from eval.inspect_logs import write_logs

    for config in read_config("export", arguments, ExportConfig):
        if config.report is not None:
            write = {"lm_eval": write_results, "inspect": write_logs}[config.format]
            written = write(config.report, config.out)
            print("\n".join(map(str, written)))
        else:
            exam = read_exam(config.suite)
            tasks = write_tasks(exam, config.out)
            print(f"{len(exam.items)} questions in {len(tasks)} tasks\n")
            print(f"lm_eval run --include_path {config.out} --tasks {group_of(exam)} --model …")


if __name__ == "__main__":
    run_command(main, HELP)
