"""``hexcal info FILE``: what a file is, what is in it, how it was made."""

from pathlib import Path

from hexcal.arguments import Arguments


def main(words):
    """Show model, mode, arrays, steps done, references, parameters, history and origin of each file."""
    parser = Arguments(
        "hexcal info",
        "Show what a product, reference file or association is, what is in it, how it was made: references, "
        "parameters, history.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="FITS, ASDF or JSON file")
    options = parser.parse(words)
    for number, path in enumerate(options.files if options is not None else ()):
        if number:
            print()
        _show(path)
    return 0


def _show(path):
    from hexcal.models import association_file, summary
    from hexcal.models.open import open as open_model

    if Path(path).suffix in association_file.SUFFIXES:
        association_file.require_file(Path(path))
        if association_file.is_association(association_file.read_text(path)):
            _show_association(path, association_file.read_association(path))
            return
    model = open_model(path)
    print(f"{path}: {model.model_type}")
    for label, text in summary.facts(model).items():
        print(f"  {label:12s} {text}")
    for content in summary.contents(model):
        print(f"  {content.hdu:12s} {content.dtype} {content.size}")
    _show_flags(model)
    done = summary.steps(model)
    if done:
        print(f"  steps        {', '.join(f'{step} {status}' for step, status in done.items())}")
    _show_references(model)
    for text in model.history:
        print(f"  history      {text['description'] if isinstance(text, dict) else text}")
    _show_origin(model)


def _show_flags(model):
    """Show how many pixels have each flag, by the names of the observatory of the file."""
    import numpy as np

    from hexcal.models import dqflags

    for name in ("dq", "pixeldq"):
        flags = getattr(model, name) if name in model.specs and model.has(name) else None
        if flags is None or not flags.size:
            continue
        counts = {bit: int(np.count_nonzero(flags & np.uint32(1 << bit))) for bit in range(32)}
        texts = [
            f"{text} {count}"
            for bit, count in counts.items()
            if count
            for text in dqflags.names_of(1 << bit, dqflags.of(model.observatory))
        ]
        if texts:
            print(f"  {'flags':12s} {', '.join(texts)} of {flags.size} pixels")


def _show_association(path, association):
    """Show the products and members; members that are not there are marked, and nothing is opened."""
    print(f"{path}: association")
    for name in ("asn_type", "asn_rule", "asn_id", "asn_pool", "program", "target"):
        if association.get(name) is not None:
            print(f"  {name:12s} {association[name]}")
    for product in association["products"]:
        print(f"  product      {product.get('name')}")
        for member in product["members"]:
            mark = "" if Path(path).parent.joinpath(member["expname"]).is_file() else "  (is not there)"
            print(f"    {member['exptype']:12s} {member['expname']}{mark}")


def _show_references(model):
    """Show the reference files that the product names, and the context that chose them."""
    from hexcal.models import meta

    for place, name in meta.walk(model.branch("meta.ref_file")):
        kind, _, attribute = place.partition(".")
        if attribute == "name" and name:
            print(f"  reference    {kind} {name}")
        elif place == "crds.context_used":
            print(f"  context      {name}")


def _show_origin(model):
    record = model.get_meta("provenance")
    if record is None:
        return
    record = record.instance
    print(
        f"  made by      {record['software']['name']} {record['software']['version']}: {record['run']['target']}, "
        f"{record['run']['started']}"
    )
    for item in record["inputs"]:
        print(f"  from         {item['path'] if item else 'a model in memory'}")
    for entry in record["steps"]:
        changed = [
            f"{name}={item['value']} ({item['source']})"
            for name, item in entry["parameters"].items()
            if item["source"] != "default"
        ]
        print(f"    {entry['step']:36s} {entry['status']:9s} {entry['seconds']:8.3f} s {' '.join(changed)}")
