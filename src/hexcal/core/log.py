"""Logging: one line per step, INFO to the terminal by default.

Also a configuration file in the documented format, and the log of each run for its products.
"""

import configparser
import contextlib
import fnmatch
import logging
import os
import sys
from pathlib import Path

from hexcal.errors import HexcalError, InputError, ParameterError, ResourceError
from hexcal.files import gate
from hexcal.models.bounds import require_regular

ROOT = "hexcal"
FORMAT = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
CONFIG_NAMES = ("stpipe-log.cfg", "~/stpipe-log.cfg", "/etc/stpipe-log.cfg")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_DATA = (b"SIMPLE  =", b"#ASDF", b"\x1f\x8b")
_KEYS = ("level", "break_level", "handler", "format")


class BreakLevelReached(HexcalError):
    """A message of at least the configured `break_level` was logged."""


class _Terminal(logging.StreamHandler):
    """Messages on standard output or standard error, whatever these are when a message comes.

    Once it cannot be written, no more.
    """

    def __init__(self, name):
        logging.Handler.__init__(self)
        self.name_of_stream = name
        self.is_broken = False

    @property
    def stream(self):
        """The stream as it is now: a progress display takes its place for a while."""
        return getattr(sys, self.name_of_stream)

    def emit(self, record):
        """Write a message, unless the reader has gone or the disk is full."""
        if not self.is_broken:
            super().emit(record)

    def handleError(self, record):
        """Leave a stream that cannot be written alone: the run goes on, and its products carry the log."""
        if isinstance(sys.exc_info()[1], OSError):
            self.is_broken = True
        else:
            super().handleError(record)


def shows_on(stream):
    """Whether messages of a run are shown on ``stdout`` or ``stderr``.

    The handlers that show them there give way to a progress display.
    """
    sections = (handler for handler in logging.getLogger(ROOT).handlers if isinstance(handler, _Section))
    targets = (target for section in sections for target in section.targets)
    return any(isinstance(target, _Terminal) and target.name_of_stream == stream for target in targets)


class _Section(logging.Handler):
    """One section of the configuration: its handlers get the messages whose logger matches the section's glob."""

    def __init__(self, pattern, options, where):
        super().__init__(_level(options.get("level", "INFO"), where))
        self.pattern = pattern
        self.break_level = _level(options["break_level"], where) if "break_level" in options else None
        self.setFormatter(logging.Formatter(options.get("format", FORMAT)))
        self.targets = []
        for text in options.get("handler", "stdout").strip("'\"").split(","):
            self.add(_target(text.strip().strip("'\""), where))

    def add(self, target):
        """Pass the messages of the section to this handler too."""
        target.setFormatter(self.formatter)
        self.targets.append(target)

    def matches(self, name):
        """Whether messages of the logger `name` belong to this section."""
        return fnmatch.fnmatch(name, self.pattern) or fnmatch.fnmatch(f".{name}", self.pattern)

    def emit(self, record):
        """Pass a message to the handlers of the section."""
        if not self.matches(record.name):
            return
        for target in self.targets:
            target.handle(record)
        if self.break_level is not None and record.levelno >= self.break_level:
            raise BreakLevelReached(
                f"stopped at a message of level {record.levelname}: {record.getMessage()}",
                hint="see break_level in the logging configuration",
            )

    def close(self):
        """Close the files of the section."""
        for target in self.targets:
            if isinstance(target, logging.FileHandler):
                target.close()
        super().close()


class _LogFile(logging.FileHandler):
    """A file of messages; where it cannot be written any more (a full disk), the run goes on, and that is said once."""

    is_broken = False

    def handleError(self, record):
        """Say what is wrong with the file, the first time."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self.is_broken:
            self.is_broken = True
            sys.stderr.write(f"hexcal: the log {self.baseFilename} cannot be written any more: {error.strerror}\n")

    def close(self):
        """Close the file, with what of it could be written."""
        with contextlib.suppress(OSError):
            super().close()


def _level(text, where):
    name = str(text).strip().upper()
    if name not in _LEVELS:
        raise ParameterError(f"a logging level must be one of {', '.join(_LEVELS)}, got {text!r}", where=where)
    return getattr(logging, name)


def _target(text, where):
    kind, _, name = text.partition(":")
    if text == "null":
        return logging.NullHandler()
    if text in ("stdout", "stderr"):
        return _Terminal(text)
    if kind in ("file", "append") and name:
        return _file(name, "w" if kind == "file" else "a")
    raise ParameterError(
        f"a logging handler must be stdout, stderr, file:NAME or append:NAME, got {text!r}", where=where
    )


def _file(name, mode):
    try:
        return _LogFile(_free(name), mode=mode, encoding="utf-8")
    except (OSError, ValueError) as error:
        if isinstance(error, HexcalError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise ResourceError(
            f"the log file cannot be written: {reason}", where=str(name), hint="give another file"
        ) from error


def _free(name):
    """The name of a file for messages, which takes the place of no data.

    Of what this run reads, or of any exposure or reference file.
    """
    gate.check(name, again=True)
    path = Path(name)
    if path.is_file():
        with path.open("rb") as stream:
            if stream.read(9).startswith(_DATA):
                raise InputError(
                    "a log would be written into a data file", where=str(name), hint="give the log another name"
                )
    gate.wrote(name)
    return name


def _read(path):
    require_regular(path, "a file that configures the log")
    parser = configparser.ConfigParser(interpolation=None)
    gate.reading(path, "logging configuration")
    try:
        with open(path, encoding="utf-8") as stream:
            parser.read_file(stream)
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise InputError(
            f"the logging configuration cannot be read: {str(error).splitlines()[0]}",
            where=str(path),
            hint="it must be a text with sections such as [*] and lines such as level = INFO",
        ) from error
    sections = []
    for pattern in parser.sections():
        options = dict(parser[pattern])
        for key in options:
            if key not in _KEYS:
                from hexcal.errors import unknown_name

                raise unknown_name("logging option", key, _KEYS, where=f"{path}, section [{pattern}]")
        sections.append(_Section(pattern, options, str(path)))
    return sections


def _handlers(level, file, stream):
    """The handlers that the options ``--log-level``, ``--log-file`` and ``--log-stream`` ask for."""
    stream = stream or "stdout"
    if stream not in ("stdout", "stderr", "null"):
        raise ParameterError(f"--log-stream must be stdout, stderr or null, got {stream!r}", where="--log-stream")
    section = _Section("*", {"level": level or "INFO", "handler": stream}, "--log-level")
    if file is not None:
        section.add(_file(file, "w"))
    return [section]


@contextlib.contextmanager
def configured(logcfg=None, verbose=False, level=None, file=None, stream=None):
    """Attach log handlers for the duration of a run.

    The first configuration that exists is used: `logcfg`, ``./stpipe-log.cfg``, ``~/stpipe-log.cfg``,
    ``/etc/stpipe-log.cfg``. Without one, messages from INFO on go to the terminal, unless the program that uses Hexcal
    has set up logging itself. `level`, `file` and `stream` take the place of these configurations.

    Parameters
    ----------
    logcfg : path-like, optional
        Configuration file.
    verbose : bool
        Emit all messages.
    level : str, optional
        Lowest level that is shown: DEBUG, INFO (default), WARNING, ERROR or CRITICAL.
    file : path-like, optional
        File for the messages, beside the terminal; replaced if it exists.
    stream : str, optional
        Where messages are shown: stdout (default), stderr, or null for nowhere.
    """
    logger = logging.getLogger(ROOT)
    path = (
        Path(logcfg)
        if logcfg
        else next((path for name in CONFIG_NAMES if (path := Path(os.path.expanduser(name))).is_file()), None)
    )
    if level is not None or file is not None or stream is not None:
        handlers = _handlers(level, file, stream)
    elif path is not None:
        handlers = _read(path)
    elif logger.hasHandlers():
        handlers = []
    else:
        handlers = [_Section("*", {"level": "DEBUG" if verbose else "INFO", "handler": "stdout"}, "default")]
    if verbose:
        for handler in handlers:
            handler.setLevel(logging.DEBUG)
    level = logger.level
    lowest = min((handler.level for handler in handlers), default=level)
    if handlers and (level == logging.NOTSET or lowest < level):
        logger.setLevel(lowest)
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
        logger.setLevel(level)


class Recorder(logging.Handler):
    """Keeps the messages of one run, for ``cal_logs`` of its products."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter(FORMAT))
        self.lines = []

    def emit(self, record):
        """Keep a message."""
        self.lines.append(self.format(record))


@contextlib.contextmanager
def recorded():
    """Collect the messages of a run from INFO on; yields the `Recorder`."""
    logger, recorder = logging.getLogger(ROOT), Recorder()
    level = logger.level
    if logger.getEffectiveLevel() > logging.INFO:
        # Without a handler of its own the logger must still let INFO pass, so that products carry their log; nothing
        # more reaches the terminal.
        logger.setLevel(logging.INFO)
    logger.addHandler(recorder)
    try:
        yield recorder
    finally:
        logger.removeHandler(recorder)
        logger.setLevel(level)
