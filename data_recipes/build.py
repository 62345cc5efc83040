"""Builds a dataset: ``python data_recipes/build.py data=medical out=datasets/medical``."""

from common.command import read_config, run_command
from common.groups import choices

HELP = f"""
python data_recipes/build.py data=NAME [source.path=…] [key=value …] out=DIR

  source.path=…           the file or folder, as its authors publish it
  data.splits.test=500    sizes of the splits that are drawn
  data.max_bad_share=0.02 how large a share of damaged rows is tolerated
  data.engine=ray         the steps run on Ray; data.ray_address=… of a cluster

DIR receives the Parquet files of each split, manifest.json, README.md (the card) with its pictures, preview.html,
dropped.jsonl, changed.jsonl and fingerprints. A build that was killed resumes when it is started again.
The keys and their meaning are in configs/data/NAME.yaml. NAME is one of:
{choices("build")}
"""


def main(arguments: list[str]) -> None:
    """Builds one dataset, or several in a sweep."""
    from loguru import logger  # these load the libraries, which --help does not need

    from data_recipes.config import BuildConfig
    from data_recipes.pipeline.build import build, summary
    from data_recipes.sources import source_of

    for config in read_config("build", arguments, BuildConfig):
        logger.info("building {} from {}", config.data.name, source_of(config.source).kind)
        print(summary(build(config), config.out))


if __name__ == "__main__":
    run_command(main, HELP)
