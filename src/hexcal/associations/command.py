"""``asn_generate``: reads the options and the pool, generates, saves."""

import logging
import sys
from pathlib import Path
from typing import Any

from hexcal.arguments import Arguments
from hexcal.associations.saving import save_all, texts_of
from hexcal.errors import ParameterError, nearest
from hexcal.models.association_text import FORMATS

_log = logging.getLogger("hexcal.associations")


class Main:
    """The generator with its options.

    Parameters
    ----------
    args : list of str, or str, optional
        Words of the command line; default: those of the process.
    pool : AssociationPool, optional
        Exposures; then the words name no pool file.

    Attributes
    ----------
    options, pool, rules, associations
        Options (Namespace), exposures, rules (AssociationRegistry), and what was generated (list of associations).
    orphaned : AssociationPool
        The exposures that are in none of them.
    """

    def __init__(self, args=None, pool=None):
        self.options: Any = None
        self.pool: Any = pool
        self.rules: Any = None
        self.associations = []
        self.orphaned: Any = None
        self.configure(args)

    @classmethod
    def cli(cls, args=None, pool=None):
        """Configure, generate and save, unless it is a dry run; returns the `Main`."""
        generator = cls(args, pool)
        generator.generate()
        if not generator.options.dry_run:
            generator.save()
        return generator

    def configure(self, args=None):
        """Read options, pool and rules."""
        self.parse_args(args, has_pool=self.pool is not None)
        self.pool, self.rules = pool_and_rules(self.options, self.pool)

    def parse_args(self, args=None, has_pool=False):
        """Set `options` from words, or a text that is split at blanks; with `has_pool`, they name no pool file."""
        words = sys.argv[1:] if args is None else args.split() if isinstance(args, str) else list(args)
        self.options = parser(has_pool).parse_args(words)

    def generate(self):
        """Generate `associations`, and find what is `orphaned`."""
        from hexcal.associations.generator import candidates_of, generate_for_candidates
        from hexcal.associations.merge import merged

        options = self.options
        wanted = _wanted(options.ids, candidates_of(self.pool)) if options.ids else None
        associations = generate_for_candidates(
            self.pool,
            self.rules,
            version_id=options.version_id,
            finalize=not options.no_finalize,
            candidates=wanted,
            discover="only" if options.discover else not (options.ids or options.all_candidates),
        )
        self.associations = merged(associations) if options.merge else associations
        self.orphaned = self.pool[_is_orphan(self.pool, self.associations)]

    def save(self):
        """Write the associations, and the orphans if asked for: all of them, or, where something fails, none."""
        options = self.options
        orphans_file = Path(options.path, options.save_orphans) if options.save_orphans else None
        texts = texts_of(self.associations, options.format, not options.no_finalize)
        save_all(options.path, texts, self.orphaned, orphans_file)


def main(args=None, pool=None):
    """Run `Main.cli`; returns True, anything else is an exception."""
    Main.cli(args, pool)
    return True


def pool_and_rules(options, pool=None):
    """Return the pool (read unless it is given) and the rules that options name."""
    from hexcal.associations.candidate_texts import check_candidates
    from hexcal.associations.classes.registry import AssociationRegistry
    from hexcal.associations.pool import AssociationPool
    from hexcal.associations.pool_terms import check_pool, observatory_of, terms_of

    if options.ignore_default and not options.rules:
        raise ParameterError(
            "--ignore-default leaves no rules", where="asn_generate", hint="name a rules file with -r FILE"
        )
    if pool is None:
        pool = AssociationPool.read(options.pool, delimiter=options.delimiter, format=options.pool_format)
    if options.ignore_default:
        unused = "--observatory" if options.observatory else "--rules-of" if options.rules_of else None
        if unused:
            raise ParameterError(
                f"{unused} chooses the default rules, which --ignore-default leaves out",
                where="asn_generate",
                hint="give one of the two",
            )
        pool.require(("filename",))
        check_candidates(pool)
        return pool, AssociationRegistry(options.rules, include_default=False)
    observatory = options.observatory or observatory_of(pool)
    check_pool(pool, terms_of(observatory))
    check_candidates(pool)
    return pool, AssociationRegistry(options.rules, observatory=observatory, rules_of=options.rules_of)


def parser(has_pool=False):
    """Return the parser of the options."""
    arguments = Arguments("asn_generate", "Generate the associations of a pool of exposures.", allow_abbrev=True)
    add = arguments.add_argument
    if not has_pool:
        add("pool", help="association pool")
    scope = arguments.add_mutually_exclusive_group()
    scope.add_argument(
        "-i", "--ids", nargs="+", metavar="ID", help="only these association candidates, such as o001 c1003"
    )
    scope.add_argument(
        "--discover", action="store_true", help="only what belongs together in the whole programme and in no candidate"
    )
    scope.add_argument("--all-candidates", action="store_true", help="only associations of candidates")
    add("-p", "--path", default=".", help='folder to save the associations in; default: "."')
    orphans = "save the exposures that are in no association as a pool, beside them; default name: orphaned.csv"
    add("--save-orphans", nargs="?", const="orphaned.csv", metavar="FILE", help=orphans)
    version = "version in names and associations; without a value, the time now; by default none"
    add("--version-id", nargs="?", const=True, metavar="VERSION", help=version)
    add_rule_options(arguments)
    add("--dry-run", action="store_true", help="do everything but save")
    add("-v", "--verbose", action="store_true", help="list the associations")
    add("-D", "--debug", action="store_true", help="list the associations with their members and conditions")
    done = "print 'asn_generate complete' at the end, as the workflow of operations expects"
    add("--DMS", action="store_true", help=done)
    add("--format", choices=tuple(FORMATS), default="json", help='format of the associations; default: "json"')
    add("--version", action="store_true", help="print the version and exit")
    add("--no-finalize", action="store_true", help="keep associations of user rules that are not complete")
    merge = "merge level 2 associations of one type and candidate into one with several products"
    add("--merge", action="store_true", help=merge)
    add("--no-merge", action="store_true", help="deprecated; not merging is the default")
    return arguments


def add_rule_options(arguments):
    """Add the options that say how the pool is read and which rules are used, in place."""
    add = arguments.add_argument
    add("-r", "--rules", action="append", metavar="FILE", help="file with further rules; may be given several times")
    add("--ignore-default", action="store_true", help="do not include the default rules")
    observatory = "observatory whose rules are the default ones; by default that of the column TELESCOP, else jwst"
    add("--observatory", metavar="NAME", help=observatory)
    release = "release whose rules are the default ones: for jwst 1.13.4 (default) or 3.0.0; by default HEXCAL_PROFILE"
    add("--profile", "--rules-of", dest="rules_of", metavar="RELEASE", help=release)
    add("-d", "--delimiter", default="|", help='separator of the values of a pool in text form; default: "|"')
    add("--pool-format", default="ascii", help='format of the pool, one of those of astropy; default: "ascii"')


def _wanted(ids, known):
    """The candidates that are asked for; they must be in the pool, at least one of them."""
    ids = [name.lower() for name in ids]
    missing = [name for name in ids if name not in known]
    if missing and len(missing) == len(ids):
        close = nearest(missing[0], known)
        raise ParameterError(
            f"no exposure belongs to candidate {' '.join(missing)}",
            where="--ids",
            hint=f"candidates of the pool: {', '.join(sorted(known)[:8])}{' ...' if len(known) > 8 else ''}"
            + (f"; did you mean {close}?" if close else ""),
        )
    if missing:
        _log.warning("no exposure belongs to candidate %s", " ".join(missing))
    return ids


def _is_orphan(pool, associations):
    used = {id_ for association in associations for id_ in association.item_names}
    return [item["filename"] not in used for item in pool.exposures()]
