"""``hexcal info FILE``: what a file is, what is in it, how it was made."""


def main(words):
    """Show model, mode, arrays, steps done and origin of each file."""
    from hexcal.errors import ParameterError

    if words and words[0] in ("-h", "--help"):
        print(
            "usage: hexcal info FILE...\n\nshows what a product or reference file is, what is in it and how it was made"
        )
        return 0
    if not words:
        raise ParameterError("`hexcal info` needs a file", hint="hexcal info exposure_rate.fits")
    for number, word in enumerate(words):
        if number:
            print()
        _show(word)
    return 0


def _show(path):
    from hexcal.models import datamodel, meta
    from hexcal.models.open import open as open_model

    model = open_model(path)
    print(f"{path}: {model.model_type}")
    for product in (model.get_meta("meta.asn_table.products") or []) if model.model_type == "ModelContainer" else []:
        for member in product["members"]:
            print(f"  {member['exptype']:12s} {member['expname']}")
    for label, paths in _FACTS.items():
        values = [str(model.get_meta(name)) for name in paths if model.get_meta(name) is not None]
        if values:
            print(f"  {label:12s} {' '.join(values)}")
    for name, spec in model._layout.items():
        if model.has(name):
            shape = model.shape_of(name) if isinstance(spec, datamodel.Array) else f"{len(getattr(model, name))} rows"
            print(f"  {spec.hdu:12s} {getattr(spec, 'dtype', 'table')} {shape}")
    done = dict(meta.walk(model.branch("meta.cal_step")))
    if done:
        print(
            f"  steps        {', '.join(f'{step} {status.lower()}' for step, status in done.items() if isinstance(status, str))}"
        )
    _show_origin(model)


def _show_origin(model):
    record = model.get_meta("provenance")
    if record is None:
        return
    record = record.instance
    print(
        f"  made by      {record['software']['name']} {record['software']['version']}: {record['run']['target']}, {record['run']['started']}"
    )
    for item in record["inputs"]:
        print(f"  from         {item['path'] if item else 'a model in memory'}")
    for entry in record["steps"]:
        changed = [
            f"{name}={item['value']}" for name, item in entry["parameters"].items() if item["source"] != "default"
        ]
        print(f"    {entry['step']:36s} {entry['status']:9s} {entry['seconds']:8.3f} s {' '.join(changed)}")


_FACTS = {
    "telescope": (
        "meta.telescope",
        "meta.instrument.name",
        "meta.instrument.detector",
        "meta.instrument.filter",
        "meta.instrument.pupil",
    ),
    "exposure": ("meta.exposure.type", "meta.exposure.readpatt", "meta.subarray.name"),
    "date": ("meta.observation.date", "meta.observation.time"),
    "reference": ("meta.reftype", "meta.pedigree", "meta.useafter"),
}
