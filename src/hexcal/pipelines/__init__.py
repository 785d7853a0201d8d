"""In what order: one module per pipeline. `ALIASES` is the list of all pipelines: the name on the command line, and the class."""

ALIASES = {"calwebb_detector1": "hexcal.pipelines.detector1:Detector1Pipeline"}
