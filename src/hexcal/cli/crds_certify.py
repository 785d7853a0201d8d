"""``hexcal crds certify FILE...``: whether reference files are fit for delivery."""

import os

from hexcal.cli.crds_options import open_context, parser
from hexcal.errors import InputError, ReferenceError_


def main(words):
    """Certify each file; exit status 1 if one has errors."""
    options = _options(words)
    reports = [_report(path, options) for path in options.files]
    if options.json:
        import json

        print(json.dumps({report["file"]: report for report in reports}, indent=1))
    else:
        for report in reports:
            _print(report)
        errors, warnings = (sum(len(report[key]) for report in reports) for key in ("errors", "warnings"))
        print(f"{_count(len(reports), 'file')}: {_count(errors, 'error')}, {_count(warnings, 'warning')}")
    return 1 if any(report["errors"] for report in reports) else 0


def _options(words):
    arguments = parser(
        "certify",
        "Whether reference files say what they must, have the layout of their type and fit the rules of a context, "
        "and what has changed since the last.",
    )
    arguments.add_argument("files", nargs="+", metavar="FILE", help="path of a FITS, ASDF or JSON file")
    arguments.add_argument("--type", metavar="T", help="the type that it must be, such as dark (default: what it says)")
    arguments.add_argument(
        "--against", metavar="OLD", help="compare with this file (default: what the context chooses now)"
    )
    arguments.add_argument("--json", action="store_true", help="as JSON: {file: {type, errors, warnings, ...}}")
    return arguments.parse_args(words)


def _report(path, options):
    from hexcal.references.delivery.certify import certify

    observatory, context, why = _context(path, options)
    certificate = certify(path, observatory, options.type, context)
    against = options.against or _in_cache(certificate, context)
    return {
        "file": path,
        "type": certificate.reference_type,
        "instrument": certificate.instrument,
        "context": context.name if context else "",
        "errors": [[finding.where, finding.text] for finding in certificate.errors],
        "warnings": [[finding.where, finding.text] for finding in certificate.warnings],
        "rule": certificate.rule if context else why,
        "chosen now": certificate.previous,
        "against": against or "",
        "changes": _changes(against, path, observatory) if against and not _is_unreadable(certificate) else [],
    }


def _context(path, options):
    """Return the observatory of a file, and the context or None with the reason."""
    from hexcal.references.cache import DEFAULT_PATH
    from hexcal.references.header_cards import read_header

    try:
        header = read_header(path)
    except InputError:
        header = {}
    place = options.cache or os.environ.get("CRDS_PATH")
    if not place and not options.context and not os.path.isdir(DEFAULT_PATH):
        return _observatory(header, options), None, "not looked at: there is no cache (CRDS_PATH is not set)"
    try:
        context = open_context(options, header)
    except InputError as error:
        return options.observatory or "", None, f"not looked at: {error.message}"
    except ReferenceError_:
        # A file that does not say its telescope is certified as far as that goes; what the user named must be there.
        if header.get("TELESCOP") or options.cache or options.context or options.observatory:
            raise
        return "", None, "not looked at: the file does not name its telescope"
    return context.cache.observatory, context, ""


def _observatory(header, options):
    from hexcal.observatories import of_header

    try:
        return options.observatory or of_header(header).name
    except InputError:
        return ""


def _is_unreadable(checked):
    return any(finding.where in ("file", "name") for finding in checked.errors)


def _in_cache(checked, context):
    """Return the path of the file that the context chooses now, if it is in the cache."""
    if context is None or not checked.previous:
        return None
    path = context.cache.reference_path(checked.previous, checked.instrument)
    return path if os.path.isfile(path) else None


def _changes(old, new, observatory):
    from hexcal.references.delivery.certify import Subject
    from hexcal.references.delivery.certify_changes import changes

    return changes(Subject(old, observatory), Subject(new, observatory))


def _print(report):
    kind = " of ".join(text for text in (report["type"], report["instrument"]) if text) or "of no known type"
    print(f"{report['file']}  ({kind}{'; ' + report['context'] if report['context'] else ''})")
    for word, key in (("error", "errors"), ("warning", "warnings")):
        for where, text in report[key]:
            print(f"  {word:8s} {where}: {text}")
    if report["rule"]:
        print(f"  rule     {report['rule']}")
    if report["chosen now"]:
        is_here = report["against"] and os.path.basename(report["against"]) == report["chosen now"]
        note = "" if is_here or report["against"] else "  (not in the cache: nothing to compare with)"
        print(f"  now      {report['chosen now']}{note}")
    if report["against"]:
        print(f"  changed  since {report['against']}: {len(report['changes']) or 'nothing'}")
    for line in report["changes"]:
        print(f"           {line}")


def _count(number, word):
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
