"""``asn_from_list``: an association of the files that the user names, by the structure of a rule."""

import sys
from pathlib import Path

from hexcal.arguments import Arguments
from hexcal.errors import unknown_name
from hexcal.files import gate
from hexcal.models.association_text import FORMATS, format_named

DEFAULT_RULE = "DMS_Level3_Base"


def asn_from_list(items, rule=None, **kwargs):
    """Make an association from a list.

    Parameters
    ----------
    items : list
        File names; or pairs of file name and type, with ``with_exptype=True``.
    rule : type, optional
        Class of the association; default `DMS_Level3_Base`, which makes one product of all; `DMSLevel2bBase` makes a
        product for each.
    **kwargs
        What the rule asks for: ``product_name`` for stage 3, ``acid``.

    Returns
    -------
    Association
        With the items in it. It need not be valid: the user is presumed to know what belongs together.
    """
    if rule is None:
        from hexcal.associations.classes.rule_classes import DMS_Level3_Base as rule
    association = rule()
    association._add_items(list(items), **kwargs)
    return association


class Main:
    """The command: reads the options, by default those of the process, and makes the association."""

    def __init__(self, args=None):
        words = args.split() if isinstance(args, str) else args
        self.options = _parser().parse_args(sys.argv[1:] if words is None else words)
        self.rule = _rule(self.options.rule, self.options.ruledefs)
        given = {"product_name": self.options.product_name, "acid": self.options.acid}
        self.asn = asn_from_list(
            self.options.filelist, self.rule, **{name: value for name, value in given.items() if value is not None}
        )

    @classmethod
    def cli(cls, args=None):
        """Make the association and write it; returns the `Main`."""
        command = cls(args)
        command.save()
        return command

    def save(self):
        """Write the association to the file that the options name, atomically, whether it is complete or not."""
        from hexcal.models.association_file import write_text

        _, text = format_named(self.options.format).dump(self.asn)
        target = Path(self.options.output_file)
        with gate.run():
            # The members are only named here; the association must not take the place of one all the same.
            for name in self.options.filelist:
                gate.reading(name, "member of the association")
                gate.reading(target.parent / name, "member of the association")
            write_text(target, text)

    def elsewhere(self):
        """Return the files that are not in the folder of the association, where pipelines look for members."""
        folder = Path(self.options.output_file).parent
        return [name for name in self.options.filelist if Path(name).is_file() and not (folder / name).is_file()]


def _parser():
    arguments = Arguments(
        "asn_from_list",
        "Make an association from a list of files.",
        usage="asn_from_list -o mosaic_asn.json --product-name my_mosaic *.fits",
        allow_abbrev=True,
    )
    add = arguments.add_argument
    add("-o", "--output-file", required=True, metavar="OUT", help="file to write the association to")
    add("-f", "--format", choices=tuple(FORMATS), default="json", help='format of the file; default: "json"')
    add("--product-name", metavar="NAME", help="name of the product of a stage 3 association")
    rule = f'rule that gives the association its structure; default: "{DEFAULT_RULE}"'
    add("-r", "--rule", default=DEFAULT_RULE, help=rule)
    add("--ruledefs", action="append", metavar="FILE", help="file with rules, searched as well as the default ones")
    add("-i", "--id", dest="acid", metavar="ACID", help="id of the candidate, such as o001")
    add("filelist", nargs="+", metavar="FILE", help="file that belongs to the association")
    return arguments


def _rule(name, files):
    from hexcal.associations.classes.registry import AssociationRegistry

    registry = AssociationRegistry(files, include_bases=True)
    if name not in registry:
        raise unknown_name("rule", name, registry, where=", ".join(files) if files else "default rules")
    return registry[name]
