"""One log for everything, through loguru. Patient text never goes in: log ids, counts and hashes."""

import logging
import sys
import warnings

from loguru import logger

# on import it complains about an optional package that would fetch its code from a hub
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)

LINE = "<green>{time:HH:mm:ss}</green> <level>{level: <7}</level> {message}"


class _ToLoguru(logging.Handler):
    """Carries the records of libraries that use the standard logging module into loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.opt(exception=record.exc_info).log(record.levelname, record.getMessage())


def start_logging(level: str = "INFO") -> None:
    """Sends the project's and the libraries' logs to stderr in one format; libraries from WARNING on."""
    logger.remove()
    logger.add(sys.stderr, format=LINE, level=level, diagnose=False)  # diagnose would print variables: patient text
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.WARNING, force=True)
    warnings.filterwarnings("ignore", category=FutureWarning)
