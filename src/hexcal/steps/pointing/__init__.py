"""Where the telescope points: from engineering telemetry into the headers of raw exposures, before stage 1."""
