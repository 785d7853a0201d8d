"""``hexcal crds sync``: fill a cache from a server, and check what is in it."""

import argparse
import os
import sys
import tempfile

from hexcal.arguments import Arguments
from hexcal.errors import InputError, ParameterError, ReferenceError_, ResourceError

_DESCRIPTION = """Fill a cache of reference files from a server (CRDS_SERVER_URL), so that calibration needs no network,
and check what is in it. Files that are there are left alone. Without a selection: the mappings of the server's
default context; with --check, all files of the cache."""
_EXAMPLES = """examples:
  hexcal crds sync --dataset-files *_uncal.fits      all that these exposures need
  hexcal crds sync --contexts jwst_1364.pmap         the rules of one context
  hexcal crds sync --check --repair-files            check all files of the cache, replace those that are damaged"""

# So many errors are printed one by one.
_MOST = 5


def main(words):
    """Do it; exit status 1 if a file could not be had, or is wrong."""
    options = _options(words)
    from hexcal.references.cache import DEFAULT_PATH
    from hexcal.references.fetching import fetch
    from hexcal.references.fetching.remote import Remote
    from hexcal.references.fetching.sync import Sync

    source = Remote(fetch.server().url)
    root = os.path.expanduser(options.cache or os.environ.get("CRDS_PATH") or DEFAULT_PATH)
    observatory = options.observatory or os.environ.get("CRDS_OBSERVATORY")
    with tempfile.TemporaryDirectory() as scratch:
        sync = Sync.of(root, observatory, source, scratch if _only_looks(options, root) else None)
        print(f"{source.url}: {sync.cache.observatory}, default context {source.info().get('operational_context')}")
        paths, failed = _fill(sync, options)
        if options.check_files:
            failed |= _check(sync, options, paths)
        if not sync.dry_run and not failed and not sync.finish():
            print(f"the default context stays {sync.cache.configured('operational_context')}: the new one is not here")
    return 1 if failed else 0


def _options(words):
    arguments = Arguments(
        prog="hexcal crds sync",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    arguments.add_argument("--cache", metavar="DIR", help="cache directory, created if missing (default: CRDS_PATH)")
    arguments.add_argument("--observatory", metavar="NAME", help="default: CRDS_OBSERVATORY, else that of the server")
    which = arguments.add_mutually_exclusive_group()
    which.add_argument(
        "--contexts", nargs="+", metavar="C", help=".pmap, .imap or .rmap, with all below; or: default, newest"
    )
    which.add_argument("--all", action="store_true", help="all mappings that the server has")
    which.add_argument("--range", metavar="MIN:MAX", help="contexts by serial number")
    which.add_argument("--last-n-contexts", type=int, metavar="N", help="the newest N contexts")
    which.add_argument("--up-to-context", metavar="C", help="contexts up to this one")
    which.add_argument("--after-context", metavar="C", help="contexts from this one on")
    arguments.add_argument(
        "--fetch-references", action="store_true", help="all reference files that the contexts name too"
    )
    arguments.add_argument("--files", nargs="+", metavar="F", default=[], help="mappings and reference files by name")
    arguments.add_argument(
        "--dataset-files", nargs="+", metavar="FILE", default=[], help="exposures: all reference files they need"
    )
    arguments.add_argument(
        "-k", "--check-files", action="store_true", help="compare the size of files with the server's"
    )
    arguments.add_argument(
        "-s", "--check-sha1sum", action="store_true", help="with --check-files: compare the content too"
    )
    arguments.add_argument("--check", action="store_true", help="both: size and content")
    arguments.add_argument(
        "-r", "--repair-files", action="store_true", help="replace the files that a check finds wrong"
    )
    arguments.add_argument("--dry-run", action="store_true", help="only say what would be fetched or replaced")
    options = arguments.parse_args(words)
    options.check_files |= options.check
    options.check_sha1sum |= options.check
    if (options.check_sha1sum or options.repair_files) and not options.check_files:
        raise ParameterError(
            "--check-sha1sum and --repair-files need --check-files", where="hexcal crds sync", hint="or use --check"
        )
    return options


def _only_looks(options, root):
    """Whether nothing is to be changed: in a dry run, and where all that is there is checked and not repaired."""
    selected = options.all or options.files or options.dataset_files or _has_contexts(options)
    is_check = options.check_files and not selected
    if is_check and not os.path.isdir(os.path.join(root, "mappings")):
        raise ReferenceError_("there is no cache to check", where=root, hint="check --cache and CRDS_PATH")
    return options.dry_run or (is_check and not options.repair_files)


def _has_contexts(options):
    bounds = (options.contexts, options.range, options.up_to_context, options.after_context, options.last_n_contexts)
    return any(bound is not None for bound in bounds)


def _contexts(sync, options):
    """The contexts that are selected; None: no selection."""
    if options.contexts:
        return [_context(sync, name) for name in options.contexts]
    if options.range:
        low, colon, high = options.range.partition(":")
        if not (colon and low.isdecimal() and high.isdecimal()):
            raise ParameterError(f"--range needs MIN:MAX, got '{options.range}'", where="hexcal crds sync", hint="1:3")
        contexts = sync.between(int(low), int(high))
        if not contexts:
            raise ParameterError(f"the server has no context from {int(low)} to {int(high)}", where="--range")
        return contexts
    if options.last_n_contexts is not None:
        if options.last_n_contexts < 1:
            raise ParameterError("--last-n-contexts needs a number from 1 on", where="hexcal crds sync")
        return sync.contexts()[-options.last_n_contexts :]
    if options.up_to_context or options.after_context:
        return sync.between(options.after_context, options.up_to_context)
    if options.files or options.dataset_files or options.check_files:
        return None
    return [sync.default()]


def _context(sync, name):
    if name == "newest":
        return sync.newest()
    return sync.default() if name == "default" else name


def _fill(sync, options):
    """Fetch what is selected; returns name -> path of all of it, and whether something failed."""
    paths, failed, contexts = {}, False, None
    if options.all:
        paths = {name: sync.cache.mapping_path(name) for name in sync.source.mappings()}
        failed |= _report(sync, "mappings", sync.fill(paths))
    else:
        contexts = _contexts(sync, options)
        if contexts is not None:
            paths, done = sync.fill_rules(contexts)
            failed |= _report(sync, "mappings", done)
    if options.fetch_references:
        if not (options.all or contexts):
            raise ParameterError("--fetch-references needs contexts", where="hexcal crds sync", hint="--contexts C")
        if failed:
            # Which files they are is said by the mappings.
            print("reference files are fetched only once all mappings are here")
        else:
            references = sync.reference_paths(paths)
            failed |= _report(sync, "reference files", sync.fill(references))
            paths.update(references)
    if options.files:
        files = {name: sync.path_of(name) for name in options.files}
        failed |= _report(sync, "files", sync.fill(files))
        paths.update(files)
    if options.dataset_files:
        try:
            files, unreadable = _files_of_exposures(sync, options)
        except (ReferenceError_, ResourceError):
            if not failed:
                raise
            # Why has been said of the mappings.
            print("reference files of exposures are fetched only once their mappings are here")
            return paths, True
        number = len(options.dataset_files) - unreadable
        what = f"reference files of {number} exposure{'' if number == 1 else 's'}"
        failed |= unreadable > 0
        failed |= _report(sync, what, sync.fill(files))
        paths.update(files)
    return paths, failed


def _files_of_exposures(sync, options):
    """Name -> path of the files that the exposures need, and how many of these cannot be read."""
    from hexcal.references.header_cards import read_header

    files, wrong = {}, []
    context = _context(sync, options.contexts[0]) if options.contexts else None
    for path in options.dataset_files:
        try:
            files.update(sync.exposure_paths(read_header(path), context))
        except InputError as error:
            # What is wrong with one exposure does not keep the files of the others out.
            wrong.append(error if path and path in str(error) else f"{path!r}: {error}")
    _complain(wrong)
    return files, len(wrong)


def _report(sync, what, done):
    """Print what was done; returns whether something failed."""
    from hexcal.references.fetching.progress import size_text

    total = size_text(sum(item.size for item in done.items))
    missing = len(done.items) + len(done.unknown)
    print(f"{what}: {done.wanted}, of which {missing} missing" + (f" ({total})" if done.items else ""))
    if sync.dry_run:
        for item in done.items:
            print(f"  {item.name}  {size_text(item.size)}")
    elif done.items:
        print(f"  fetched {len(done.items) - len(done.failures)}")
    _complain([f"the server does not know {name}" for name in done.unknown])
    _complain(done.failures.values())
    return bool(done.unknown or done.failures)


def _complain(errors):
    # What ends the work is the error of all files that had not come by then.
    errors = list(dict.fromkeys(str(error) for error in errors))
    for error in errors[:_MOST]:
        print(f"hexcal: {error}", file=sys.stderr)
    if len(errors) > _MOST:
        print(f"hexcal: ... and {len(errors) - _MOST} more", file=sys.stderr)


def _check(sync, options, paths):
    chosen = paths or sync.cached_paths()
    checked = sync.check(chosen, options.check_sha1sum)
    print(f"checked {checked.count} files: {len(checked.wrong)} wrong, {len(checked.unknown)} unknown to the server")
    for name, why in checked.wrong.items():
        print(f"  {name} {why}")
    for name in checked.unknown:
        print(f"  {name} is not known to the server")
    if not options.repair_files or options.dry_run:
        return bool(checked.wrong)
    failures = sync.repair(checked)
    if checked.wrong:
        print(f"  replaced {len(checked.wrong) - len(failures)}")
    _complain(failures.values())
    return bool(failures)
