"""Times of the steps of a pipeline, from the messages that both sides log when a step starts and ends.

Standard library only: both sides import it.
"""

import contextlib
import logging
import re

_START = re.compile(r"Step (\w+) running")
_END = re.compile(r"Step (\w+) (done|complete|skipped)", re.IGNORECASE)


class StepTimes(logging.Handler):
    """Collects seconds by name of the step; a step that runs several times adds up."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.started, self.seconds = {}, {}

    def emit(self, record):
        message = record.getMessage()
        if match := _START.match(message):
            self.started.setdefault(match[1], record.created)
        elif (match := _END.match(message)) and match[1] in self.started:
            self.seconds[match[1]] = self.seconds.get(match[1], 0) + record.created - self.started.pop(match[1])


@contextlib.contextmanager
def collected(*loggers):
    """Collect from loggers (names) as long as the block runs; yields the dict of seconds."""
    handler = StepTimes()
    for name in loggers:
        logging.getLogger(name).addHandler(handler)
    try:
        yield handler.seconds
    finally:
        for name in loggers:
            logging.getLogger(name).removeHandler(handler)
