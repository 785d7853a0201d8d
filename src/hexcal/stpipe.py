"""The base classes under the name that scripts for the original know: ``from hexcal.stpipe import Step, Pipeline``.

`JwstStep` and `JwstPipeline` are the same classes under their names of the documents; ``cmdline.step_script`` makes a
command of a step. Each name is imported when first used.
"""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "JwstPipeline": "hexcal.core.pipeline:Pipeline",
        "JwstStep": "hexcal.core.step:Step",
        "Pipeline": "hexcal.core.pipeline",
        "Step": "hexcal.core.step",
        "cmdline": "hexcal.cli.script:",
    },
)
