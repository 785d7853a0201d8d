"""Parts of the demonstrations: a run of a pipeline, and its log in a file."""

import contextlib
import logging


def run(alias, path, references, folder, steps, profile):
    """Run a pipeline on a file or association through its Python interface, and save what it makes.

    Parameters
    ----------
    alias : str
        Of the pipeline.
    path : path-like
    references, folder : path-like
        Where the references are, and where products go.
    steps : dict
        Parameters of its steps.
    profile : str
    """
    from hexcal.core import registry

    settings = {"references": references, "output_dir": str(folder), "save_results": True, "profile": profile}
    registry.find(alias).call(path, **settings, steps=steps)


@contextlib.contextmanager
def logged_to(path):
    """Have the log of the runs in a file, and nowhere else."""
    logger, handler = logging.getLogger("hexcal"), logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
