"""``hexcal reffiles check|compare|deliver|coverage``."""

from pathlib import Path

from hexcal.arguments import Arguments


def check(words):
    """Check reference files; returns the exit status."""
    from hexcal.reffiles.check_files import check_file

    parser = Arguments(
        "hexcal reffiles check",
        "Certify reference files, open them, look at their statistics, and run the pipeline with them. Exit status 1 "
        "if something is wrong.",
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="reference file")
    add("-c", "--config", action="append", default=[], metavar="FILE", help="configuration with limits of quality")
    add("--exposure", action="append", default=[], metavar="FILE", help="exposure to run the pipeline on")
    add("--references", metavar="DIR", help="the other reference files (default: as hexcal run)")
    add("--truth", metavar="FILE", help="the true file, where it is known")
    add("--json", dest="as_json", action="store_true", help="as JSON")
    options = parser.parse(words)
    if options is None:
        return 0
    checks = [
        check_file(path, options.config, options.exposure, options.references, options.truth) for path in options.files
    ]
    if options.as_json:
        import json

        print(json.dumps([{"file": str(item.path), "rows": [vars(row) for row in item.rows]} for item in checks]))
    else:
        for item in checks:
            print(f"{item.path}: {'fail' if item.failed else 'pass'}")
            for row in item.rows:
                expected = f", expected {row.expected}" if row.expected else ""
                print(f"  {row.verdict:4s} {row.name}: {row.value}{expected}")
    return 1 if any(item.failed for item in checks) else 0


def compare(words):
    """Compare two reference files; returns the exit status."""
    import json

    from hexcal.reffiles import report
    from hexcal.reffiles.compare import compare

    parser = Arguments(
        "hexcal reffiles compare", "Show what a new reference file changes; exit status 1 if anything does."
    )
    add = parser.add_argument
    add("new", metavar="NEW", help="new reference file")
    add("old", metavar="OLD", help="the one before")
    add("--exposure", metavar="FILE", help="raw exposure that is calibrated with both")
    add("--references", metavar="DIR", help="the other reference files (default: as hexcal run)")
    add("--truth", metavar="FILE", help="the true file, where it is known")
    add("--html", metavar="FILE", help="write a page with maps, histograms and figures")
    add("--json", dest="as_json", action="store_true", help="as JSON")
    options = parser.parse(words)
    if options is None:
        return 0
    change = compare(options.new, options.old, options.exposure, options.references, options.truth)
    print(json.dumps(change.as_dict(), indent=1) if options.as_json else "\n".join(change.lines()))
    if options.html:
        report.write_comparison(options.html, change, options.new, options.old)
    return 0 if change.is_none else 1


def deliver(words):
    """Insert files into a new context; returns the exit status."""
    from hexcal.cli.crds_options import open_context, parser
    from hexcal.references.header_cards import read_header
    from hexcal.reffiles import delivery

    arguments = parser(
        "insert",
        "Certify reference files and insert them into the rules of a context: a new .rmap, .imap and .pmap. Nothing "
        "that is in the cache is changed.",
    )
    arguments.prog = "hexcal reffiles deliver"
    add = arguments.add_argument
    add("files", nargs="+", metavar="FILE", help="reference file")
    add("--output", metavar="DIR", help="put the new mappings there; the cache stays as it is")
    add("--form", metavar="FILE", help="write the form of the delivery (YAML), filled in")
    add("--deliverer", metavar="NAME", help="for the form (default: AUTHOR)")
    add("--email", metavar="ADDRESS", help="for the form")
    add("--change-level", choices=("trivial", "moderate", "severe"), default="moderate", help="for the form")
    add("--text", metavar="TEXT", help="for the form: what changed, and why")
    add("--exposure", action="append", default=[], metavar="FILE", help="say which of the files this exposure will use")
    if any(word in ("-h", "--help") for word in words):
        arguments.print_help()
        return 0
    options = arguments.parse_args(words)
    options.context = options.context or "default"
    context = open_context(options, read_header(options.files[0]))
    done = delivery.deliver(options.files, context, options.output, options.exposure)
    _tell(done, options)
    return 0


def _tell(done, options):
    from hexcal.reffiles import delivery

    for file, mapping, place in done.inserted.places:
        before = f" (instead of {place.replaced})" if place.replaced else ""
        print(f"{file}{before}\n  in {mapping}: {', '.join(place.keys)}{', a new rule' if place.is_new else ''}")
    for path, findings in done.findings.items():
        print("".join(f"{Path(path).name}: {text}\n" for text in findings), end="")
    for path, names in done.chosen.items():
        if options.exposure:
            print(f"{Path(path).name} is chosen for: {', '.join(names) or 'none of the exposures'}")
    for text in done.inserted.warnings:
        print(f"warning: {text}")
    if options.form:
        delivery.write_form(
            options.form, done,
            {"deliverer": options.deliverer, "email": options.email, "change_level": options.change_level,
             "description": options.text},
        )  # fmt: skip
        print(f"form: {options.form}")
    print(f"\nTo use them: export CRDS_CONTEXT={done.inserted.context}")


def coverage(words):
    """Say for which modes a context has no file; returns the exit status."""
    from hexcal.cli.crds_options import open_context, parser
    from hexcal.references.header_cards import read_header
    from hexcal.reffiles import delivery
    from hexcal.reffiles.registry import makers

    arguments = parser("list", "List the modes of some exposures for which a context has no file of a type.")
    arguments.prog = "hexcal reffiles coverage"
    add = arguments.add_argument
    add("exposures", nargs="+", metavar="FILE", help="exposures: their headers say which modes are in use")
    add("--type", dest="types", action="append", default=[], metavar="TYPE", help="default: all that can be made")
    if any(word in ("-h", "--help") for word in words):
        arguments.print_help()
        return 0
    options = arguments.parse_args(words)
    options.context = options.context or "default"
    kinds = options.types or sorted({maker.reference_type for maker in makers().values()})
    context = open_context(options, read_header(options.exposures[0]))
    rows = delivery.coverage(context, kinds, options.exposures)
    for row in rows:
        mode = " ".join(f"{key}={value}" for key, value in row.items() if key.isupper())
        print(f"{row['type']}: {mode}: {row['reason']} ({row['exposure']})")
    print(f"{len(rows)} modes and types without a file in {context.name}")
    return 1 if rows else 0
