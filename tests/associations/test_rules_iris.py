"""IRIS: from simulated files to a pool to associations: which calibrations go with which science exposure."""

import json
import random

import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.associations import AssociationPool, AssociationRegistry, Main, generate, load_asn
from hexcal.associations.mkpool import mkpool
from hexcal.associations.pool_terms import terms_of
from hexcal.associations.rules.iris import POOL, RULE_SET
from hexcal.associations.rules.iris_facts import facts
from hexcal.cli.main import main
from hexcal.errors import InputError
from hexcal.simulate.iris import IrisMode, simulate_frame

NIGHT = "2025-06-01T"
RULES = AssociationRegistry(observatory="tmt")
IFU = {"detector": "IFU", "instmode": "slicer", "filter": "H"}


def write(folder, name, kind, start, observation=None, **keywords):
    """Write a simulated frame, with the keywords that an observatory would give it."""
    mode = {key: keywords.pop(key) for key in ("detector", "filter", "exposure_time", "subarray") if key in keywords}
    frame = simulate_frame(IrisMode(size=8, start=start, **mode)).frame
    meta = frame.meta
    meta.exposure.imtype = kind
    meta.observation.observation_number = observation
    if observation is not None:
        meta.observation.program_number = "2025A-P012"
        meta.target.catalog_name = "M 31"
    for key, value in keywords.items():
        setattr(meta.instrument, {"instmode": "mode"}.get(key, key), value.upper())
    return frame.save(folder / f"{name}.fits")


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Folder of the files of a night and the day before."""
    folder = tmp_path_factory.mktemp("night")
    write(folder, "m31_0001_sci", "SCI", f"{NIGHT}08:00:00.000", "8")
    write(folder, "M31_0002_SCI", "SCI", f"{NIGHT}08:10:00.000", "8")
    write(folder, "part_sci", "SCI", f"{NIGHT}08:20:00.000", "9", subarray=(1, 1, 4, 4))
    write(folder, "sky_near", "SKY", f"{NIGHT}08:50:00.000", "8")
    write(folder, "sky_late", "SKY", f"{NIGHT}10:00:00.000", "8")
    write(folder, "sky_band", "SKY", f"{NIGHT}08:05:00.000", "8", filter="J")
    for number in range(12):
        write(folder, f"dark_{number:02d}", "DARK", f"{NIGHT}01:{number:02d}:00.000", filter="Y")
    write(folder, "dark_part", "DARK", f"{NIGHT}01:20:00.000", subarray=(1, 1, 4, 4))
    write(folder, "dark_short", "DARK", f"{NIGHT}01:20:00.000", exposure_time=30.0)
    write(folder, "flat", "FLAT", f"{NIGHT}02:00:00.000", exposure_time=3.0)
    write(folder, "flat_band", "FLAT", f"{NIGHT}02:00:00.000", exposure_time=3.0, filter="J")
    write(folder, "flat_old", "FLAT", "2025-05-20T02:00:00.000", exposure_time=3.0)
    write(folder, "cube_sci", "SCI", f"{NIGHT}09:00:00.000", "10", **IFU)
    write(folder, "cube_old_sci", "SCI", "2025-05-29T09:00:00.000", "11", **IFU)
    write(folder, "arc", "ARC", f"{NIGHT}03:00:00.000", exposure_time=5.0, **IFU)
    write(folder, "arc_lenslet", "ARC", f"{NIGHT}03:00:00.000", **{**IFU, "instmode": "lenslet"})
    return folder


def members(association):
    (product,) = association["products"]
    return {(one["expname"].removesuffix(".fits"), one["exptype"]) for one in product["members"]}


def by_product(associations):
    return {one["products"][0]["name"]: one for one in associations}


@pytest.fixture(scope="module")
def made(night, tmp_path_factory):
    """The associations that the commands make of the files, read back: product -> association."""
    folder = tmp_path_factory.mktemp("asn")
    pool = folder / "night_pool.csv"
    files = sorted(map(str, night.glob("*.fits")), reverse=True)
    assert main(["asn", "pool", str(pool), *files]) == 0
    assert main(["asn", "generate", str(pool), "-p", str(folder), "--save-orphans", str(folder / "orphans.csv")]) == 0
    return folder, by_product(load_asn(path.read_text()) for path in sorted(folder.glob("*.json")))


DARKS = {(f"dark_{number:02d}", "dark") for number in range(2, 12)}


def test_an_image_has_the_nearest_darks_and_the_flats_and_skies_within_their_limits(made):
    _, found = made
    assert members(found["m31_0001_sci"]) == {
        ("m31_0001_sci", "science"),
        ("sky_near", "sky"),
        ("flat", "flat"),
        *DARKS,
    }


def test_file_names_stay_as_they_are_written(made):
    _, found = made
    assert members(found["M31_0002_SCI"]) >= {("M31_0002_SCI", "science"), ("flat", "flat")}


def test_a_part_of_the_detector_has_darks_of_this_part_and_flats_of_the_whole(made):
    _, found = made
    assert members(found["part_sci"]) == {("part_sci", "science"), ("dark_part", "dark"), ("flat", "flat")}


def test_a_spectrum_has_its_arcs_and_without_one_there_is_no_association(made):
    folder, found = made
    assert members(found["cube_sci"]) == {("cube_sci", "science"), ("arc", "arc")}
    assert set(found) == {"m31_0001_sci", "M31_0002_SCI", "part_sci", "cube_sci"}
    orphans = set((folder / "orphans.csv").read_text().lower().split("|"))
    assert {"cube_old_sci.fits", "arc_lenslet.fits", "flat_old.fits", "dark_00.fits", "dark_short.fits"} <= orphans


def test_names_and_types(made):
    folder, found = made
    assert sorted(path.name for path in folder.glob("*.json")) == [
        "tmt2025a-p012-o008_imager2_00001_asn.json",
        "tmt2025a-p012-o008_imager2_00002_asn.json",
        "tmt2025a-p012-o009_imager2_00001_asn.json",
        "tmt2025a-p012-o010_ifu2_00001_asn.json",
    ]
    assert {(one["asn_type"], one["asn_rule"]) for one in found.values()} == {
        ("imager2", "candidate_Asn_IRISImage"),
        ("ifu2", "candidate_Asn_IRISCube"),
    }
    image = found["m31_0001_sci"]
    assert (image["program"], image["asn_id"], image["target"]) == ("2025a-p012", "o008", "m 31")
    assert image["asn_pool"] == "night_pool.csv"
    assert "sky: mjd within 1 h, the nearest 5 (airglow" in image["constraints"]


def test_the_association_opens_beside_its_files(made, night):
    folder, _ = made
    path = night / "x_asn.json"
    path.write_text((folder / "tmt2025a-p012-o010_ifu2_00001_asn.json").read_text())
    container = datamodels.open(path)
    assert [model.meta.exposure.imtype for model in container] == ["SCI", "ARC"]


def test_the_order_of_the_pool_does_not_matter(night):
    files = sorted(night.glob("*.fits"))
    expected = [dict(one) for one in generate(mkpool(files), RULES)]
    for seed in range(3):
        shuffled = random.Random(seed).sample(files, len(files))
        again = [dict(one) for one in generate(mkpool(shuffled), RULES)]
        # The number of a target is that in which it appears.
        assert json.dumps(again, default=str) == json.dumps(expected, default=str)


def test_merged_by_observation(night, tmp_path):
    made = Main(["--merge", "-p", str(tmp_path)], pool=mkpool(sorted(night.glob("m31*")) + sorted(night.glob("M31*"))))
    made.generate()
    (association,) = made.associations
    assert sorted(product["name"] for product in association["products"]) == ["M31_0002_SCI", "m31_0001_sci"]


def test_exposures_of_no_observation_are_found_in_the_whole_pool(tmp_path):
    paths = [write(tmp_path, "a", "SCI", f"{NIGHT}08:00:00"), write(tmp_path, "d", "DARK", f"{NIGHT}03:00:00")]
    pool = mkpool(paths)
    assert list(pool["asn_candidate"]) == ["null", "null"]
    made = Main([], pool=pool)
    made.generate()
    (association,) = made.associations
    assert members(association) == {("a", "science"), ("d", "dark")}
    assert (association.asn_name, association["asn_rule"]) == (
        "tmtnoprogram-a3001_imager2_00001_asn",
        "discover_Asn_IRISImage",
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["cube_old"], "in o011 (observation) there is no arc"),
        (["cube_old", "arc.fits"], "arc must have mjd within 24 h (calibrations"),
        (["m31_0001", "sky_late"], "sky must have mjd within 1 h, the nearest 5 (airglow"),
        (["m31_0001", "dark_00"], "nearer in time"),
        (["m31_0001", "dark_short"], "exposure_time must be the same: 60 and 30"),
        (["m31_0001", "flat_band"], "filter must be the same: k and j"),
        (["m31_0001", "flat.fits"], "as science and flat"),
    ],
)
def test_why_exposures_are_together_or_not(made, capsys, words, expected):
    folder, _ = made
    capsys.readouterr()
    assert main(["asn", "explain", str(folder / "night_pool.csv"), *words]) == 0
    told = capsys.readouterr().out
    assert expected in told
    # Calibrations need no candidate.
    assert "no candidate in common" not in told


# ---- rows of a pool, by hand


def row(name, kind, mjd, **more):
    image = {"telescop": "tmt", "instrume": "iris", "detector": "iris1", "instmode": "img", "readmode": "default"}
    path = {"filter": "k", "pupil": "clear", "scale": "0.004", "subarray": "full", "effexptm": "60"}
    return {"filename": f"{name}.fits", "imtype": kind, "expstart": str(mjd), **image, **path, **more}


def roles(*rows):
    (association,) = generate(list(rows), RULES)
    return members(association)


def test_limits_in_time_hold_before_and_after():
    science = row("s", "sci", 100)
    day, hour = 1, 1 / 24
    for kind, limit in [("dark", day), ("flat", day), ("sky", hour)]:
        for sign in (1, -1):
            near, far = row("n", kind, 100 + sign * limit * 0.999), row("f", kind, 100 + sign * limit * 1.001)
            assert roles(science, near, far) == {("s", "science"), ("n", kind)}


@pytest.mark.parametrize(
    ("kind", "differing", "goes"),
    [
        ("dark", {"filter": "j", "scale": "0.05", "pupil": "null", "program": "other"}, True),
        ("dark", {"effexptm": "60.0"}, True),
        ("dark", {"effexptm": "61"}, False),
        ("dark", {"readmode": "fast"}, False),
        ("dark", {"detector": "iris2"}, False),
        ("flat", {"effexptm": "2", "readmode": "fast"}, True),
        ("flat", {"filter": "j"}, False),
        ("flat", {"scale": "0.05"}, False),
        ("flat", {"scale": "4e-3"}, True),
        ("sky", {"filter": "j"}, False),
        ("sky", {"effexptm": "30"}, False),
        ("sky", {"program": "other"}, False),
        ("sky", {"program": "mine", "asn_candidate": "[('o099', 'observation')]"}, True),
        ("flat", {"datalvl": "2"}, False),
    ],
)
def test_what_calibrations_share_with_science(kind, differing, goes):
    found = roles(row("s", "sci", 100, program="mine"), row("c", kind, 100.01, **differing))
    assert (("c", kind) in found) is goes


def test_what_is_reduced_already_is_not_science():
    assert generate([row("s", "sci", 100, datalvl="2")], RULES) == []


def test_problems_of_the_telemetry_are_told():
    (association,) = generate([row("s", "sci", 100), row("d", "dark", 100, dataprob="true")], RULES)
    assert [one["exposerr"] for one in association["products"][0]["members"]] == [None, "telemetry indicated a problem"]
    assert "One or more members" in association["degraded_status"]


def test_item_by_item_gives_the_same():
    """The documented way: a rule is created from the science exposure, and the others are offered to it one by one."""
    rows = [row("s", "sci", 100), *(row(f"d{number:02d}", "dark", 100.5 - number / 100) for number in range(14))]
    association, _ = RULES["Asn_IRISImage"].create(rows[0])
    for one in rows[1:]:
        association.add(one)
    assert members(association) == roles(*rows)
    assert association.is_valid and not association.add(row("d99", "dark", 99.1))[0]


# ---- facts


def test_the_time_of_an_exposure():
    assert facts({"expstart": "60000.5", "date": "2025-06-01t00:00:00"})["mjd"] == "60000.5"
    assert facts({"date-obs": "2025-06-01", "time-obs": "12:00:00"})["mjd"] == "60827.5"
    assert facts({"date": "2025-06-01t18:00:00.000"})["mjd"] == "60827.75"
    assert "mjd" not in facts({"date-obs": "2025-06-01"})
    with pytest.raises(InputError, match=r"a\.fits"):
        facts({"filename": "a.fits", "date": "not today"})
    with pytest.raises(InputError, match="EFFEXPTM"):
        facts({"effexptm": "long"})


def test_mode_window_and_programme():
    assert facts({"detector": "iris1"})["mode"] == facts({"detector": "img1"})["mode"] == "img"
    assert "mode" not in facts({"detector": "ifu"})
    assert facts({"detector": "ifu", "instmode": "lenslet"})["mode"] == "lenslet"
    window = {"subarray": "custom", "substrt1": "3", "substrt2": "5", "subsize1": "10", "subsize2": "20"}
    assert facts(window)["window"] == "custom,3,5,10,20"
    assert facts({"semid": "2025a", "prognum": "p012"})["program"] == "2025a-p012"


# ---- pools


def test_what_the_rules_ask_of_a_pool():
    assert terms_of("tmt") is POOL
    asked = {
        one.text
        for rule in RULE_SET.rules
        for who in rule.members.values()
        for every in who.alternatives
        for one in every
    }
    for kind in POOL.kinds:
        assert f"imtype is {kind}" in asked


def test_the_number_of_an_observation_may_stand_in_obsnum(tmp_path):
    path = write(tmp_path, "a", "SCI", f"{NIGHT}08:00:00")
    fits.setval(path, "OBSNUM", value="17")
    assert list(mkpool([path])["asn_candidate"]) == ["[('o017', 'observation')]"]


def test_a_pool_keeps_how_file_names_were_written(night, tmp_path):
    mkpool(sorted(night.glob("M31*"))).write(tmp_path / "pool.csv")
    pool = AssociationPool.read(tmp_path / "pool.csv")
    assert pool.exposures()[0]["filename"] == "m31_0002_sci.fits"
    assert pool.written_names() == {"m31_0002_sci.fits": "M31_0002_SCI.fits"}
    pool.write(tmp_path / "again.csv")
    assert AssociationPool.read(tmp_path / "again.csv").written_names() == pool.written_names()
    (tmp_path / "quoted.csv").write_text('FILENAME|X\n"A_b.fits"|"1|2"\nc.fits|3\n')
    assert AssociationPool.read(tmp_path / "quoted.csv").written_names() == {"a_b.fits": "A_b.fits"}
