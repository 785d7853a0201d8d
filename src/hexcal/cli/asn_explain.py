"""``hexcal asn explain``: why exposures are together in associations, or not."""

import json

_EPILOG = """\
hexcal asn explain POOL EXPOSURE                all associations of an exposure, and the rules that nearly take it
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
    from hexcal.associations.command import pool_and_rules
    from hexcal.associations.explain import Explainer
    from hexcal.associations.explain_text import lines_of

    pool, rules = pool_and_rules(options)
    explainer = Explainer(pool, rules, options.candidate and options.candidate.lower())
    exposures = [explainer.exposure(name) for name in options.exposures]
    rule = explainer.rule(options.rule) if options.rule else None
    if len(exposures) == 2:
        answer = explainer.two(exposures[0], exposures[1], rule)
    else:
        answer = explainer.by_rule(exposures[0], rule) if rule else explainer.one(exposures[0])
    print(json.dumps(answer, indent=1) if options.json else "\n".join(lines_of(answer)))
    return 0


def _parser():
    from hexcal.arguments import Arguments
    from hexcal.associations.command import add_rule_options

    description = "Why exposures are together in associations, or not."
    arguments = Arguments("hexcal asn explain", description, epilog=_EPILOG, allow_abbrev=True)
    arguments.add_argument("pool", help="association pool")
    arguments.add_argument("exposures", nargs="+", metavar="EXPOSURE", help="one or two exposures of the pool")
    arguments.add_argument("--rule", metavar="RULE", help="only this rule, such as Asn_Lv3Image or Lv3Image")
    arguments.add_argument("--candidate", metavar="ID", help="only associations of this candidate, such as o001")
    add_rule_options(arguments)
    arguments.add_argument("--json", action="store_true", help="print the answer as JSON")
    return arguments
