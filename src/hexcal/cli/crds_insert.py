"""``hexcal crds insert RMAP|CONTEXT FILE...``: new mappings with reference files added."""

import os

from hexcal.cli.crds_options import open_cache, open_context, parser
from hexcal.errors import ParameterError, ReferenceError_


def main(words):
    """Make the mappings and print what they say."""
    options = _options(words)
    from hexcal.references.delivery.insert import insert
    from hexcal.references.header_cards import read_header

    rmap = os.path.basename(options.into) if options.into.endswith(".rmap") else None
    if rmap is not None:
        cache = open_cache(options, rmap)
        if not os.path.isfile(cache.mapping_path(rmap)):
            raise ReferenceError_(
                f"the cache has no {rmap}", where=cache.root, hint="`hexcal crds list types INSTRUMENT` names them"
            )
        options.observatory = cache.observatory
    else:
        options.context = os.path.basename(options.into)
    context = open_context(options, read_header(options.files[0]))
    inserted = insert(context, options.files, rmap, options.output, copy=False if options.no_copy else None)
    _print(inserted, context, options)
    return 0


def _options(words):
    arguments = parser(
        "insert",
        "Add reference files to the rules: a new .rmap, the .imap and .pmap that name it, and the files, "
        "all in the cache. Each file "
        "comes under the rule that its header asks for, from its USEAFTER on. Nothing that is in the cache is changed.",
    )
    arguments.add_argument(
        "into", metavar="RMAP|CONTEXT", help="rules to add to: an .rmap, a .pmap, or: default, newest"
    )
    arguments.add_argument("files", nargs="+", metavar="FILE", help="path of a reference file")
    arguments.add_argument("--output", metavar="DIR", help="put the new mappings there; the cache stays as it is")
    arguments.add_argument("--no-copy", action="store_true", help="do not copy the reference files into the cache")
    options = arguments.parse_args(words)
    if options.into.lower().endswith((".fits", ".asdf", ".json", ".fits.gz")):
        raise ParameterError(
            f"an .rmap or a context is required first, got {options.into}",
            where="hexcal crds insert",
            hint=f"`hexcal crds insert default {options.into}`",
        )
    if options.context and not options.into.endswith(".rmap"):
        raise ParameterError(
            f"two contexts are named: {options.into} and {options.context}",
            where="hexcal crds insert",
            hint="--context says which context names an .rmap; leave it out",
        )
    return options


def _print(inserted, context, options):
    for file, mapping, place in inserted.places:
        replaced = f" (instead of {place.replaced})" if place.replaced else ""
        new = ", a new rule" if place.is_new else ""
        print(f"{file}{replaced}\n  in {mapping}: {', '.join(place.keys)}{new}")
    for old, name in inserted.mappings.items():
        print(f"{name}  from {old}")
    for text in inserted.warnings:
        print(f"warning: {text}")
    if options.output:
        print(f"\nThe mappings are in {options.output}; the cache has not been changed.")
    else:
        default = f"(the cache's default is still {_default(context)})"
        print(f"\nTo use them: export CRDS_CONTEXT={inserted.context}   {default}")


def _default(context):
    return context.cache.configured("operational_context") or context.cache.newest()
