"""``hexcal asn explain``: why exposures are together in associations, or not."""

import json

_EPILOG = """hexcal asn explain POOL EXPOSURE                all associations of an exposure, and the rules that nearly take it
hexcal asn explain POOL EXPOSURE --rule RULE    what a rule asks of it, and what of that holds
hexcal asn explain POOL EXPOSURE EXPOSURE2      why the two are together, or what keeps them apart
An exposure is named by its file name, or by any part of it that no other has."""


def main(words):
    """Print the answer; exit status 1 if the question cannot be answered."""
    options = _parser().parse_args(words)
    from hexcal.errors import ParameterError

    if len(options.exposures) > 2:
        raise ParameterError(
            f"one or two exposures are asked about, got {len(options.exposures)}", where="hexcal asn explain"
        )
    from hexcal.associations.command import Main
    from hexcal.associations.explain import Explainer
    from hexcal.associations.explain_text import lines_of

    pool, rules = _pool_and_rules(Main, options)
    explainer = Explainer(pool, rules, options.candidate and options.candidate.lower())
    exposures = [explainer.exposure(name) for name in options.exposures]
    rule = explainer.rule(options.rule) if options.rule else None
    if len(exposures) == 2:
        answer = explainer.two(exposures[0], exposures[1], rule)
    else:
        answer = explainer.by_rule(exposures[0], rule) if rule else explainer.one(exposures[0])
    print(json.dumps(answer, indent=1) if options.json else "\n".join(lines_of(answer)))
    return 0


def _pool_and_rules(generator, options):
    """The pool and the rules as `asn_generate` has them with these options."""
    words = [options.pool, "--delimiter", options.delimiter, "--pool-format", options.pool_format]
    for path in options.rules or ():
        words += ["--rules", path]
    words += ["--ignore-default"] if options.ignore_default else []
    words += ["--observatory", options.observatory] if options.observatory else []
    words += ["--rules-of", options.rules_of] if options.rules_of else []
    made = generator(words)
    return made.pool, made.rules


def _parser():
    from hexcal.associations.options import Parser

    made = Parser("hexcal asn explain", "Why exposures are together in associations, or not.", epilog=_EPILOG)
    made.add_argument("pool", help="association pool")
    made.add_argument("exposures", nargs="+", metavar="EXPOSURE", help="one or two exposures of the pool")
    made.add_argument("--rule", metavar="RULE", help="only this rule, such as Asn_Lv3Image or Lv3Image")
    made.add_argument("--candidate", metavar="ID", help="only associations of this candidate, such as o001")
    made.add_argument("-r", "--rules", action="append", metavar="FILE", help="file with further rules")
    made.add_argument("--ignore-default", action="store_true", help="do not include the default rules")
    made.add_argument("--observatory", metavar="NAME", help="whose rules are the default ones")
    made.add_argument(
        "--profile",
        "--rules-of",
        dest="rules_of",
        metavar="RELEASE",
        help="release whose rules are the default ones: 1.13.4 or 3.0.0; by default HEXCAL_PROFILE",
    )
    made.add_argument("-d", "--delimiter", default="|", help='between the values of a pool; default: "|"')
    made.add_argument("--pool-format", default="ascii", help='format of the pool; default: "ascii"')
    made.add_argument("--json", action="store_true", help="print the answer as JSON")
    return made
