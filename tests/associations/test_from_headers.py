"""From exposures on disk to associations: a pool made of flight headers, whose columns are keywords."""

from astropy.io import fits

from hexcal.associations import AssociationRegistry
from hexcal.associations.generator import generate_for_candidates
from hexcal.associations.mkpool import mkpool
from hexcal.associations.pool_rows import rows_of_headers
from hexcal.associations.pool_terms import check_pool, terms_of


def test_a_pool_of_flight_headers_gives_associations(real_data):
    pool = mkpool([str(path) for path in sorted((real_data / "products" / "ami").glob("*.fits"))])
    rules = AssociationRegistry()
    check_pool(pool, terms_of("jwst"))
    found = generate_for_candidates(pool, rules)
    ami = [one for one in found if one["asn_type"] == "ami3"]
    assert [one["products"][0]["name"] for one in ami] == ["jw01093-a3001_t001_niriss_f480m-nrm-sub80"]
    roles = [member["exptype"] for member in ami[0]["products"][0]["members"]]
    assert set(roles) == {"science", "psf"}
    assert len(roles) == 14
    assert sum(one["asn_type"] == "image2" for one in found) == 14


def test_truth_in_headers_is_the_truth_of_pools():
    header = {
        "TELESCOP": "JWST", "PROGRAM": "01234", "OBSERVTN": "001", "VISIT": "001", "INSTRUME": "MIRI",
        "EXP_TYPE": "MIR_IMAGE", "DETECTOR": "MIRIMAGE", "FILTER": "F770W", "SUBARRAY": "SUB64", "TARGNAME": "STAR",
        "BKGDTARG": False, "TSOVISIT": True, "VISITYPE": "PRIME_TARGETED_FIXED", "ACT_ID": "01", "VISITGRP": "02",
    }  # fmt: skip
    pool = rows_of_headers([("jw01234001001_02101_00001_mirimage_uncal.fits", header)])
    assert pool.rows[0]["tsovisit"] == "True" and pool.exposures()[0]["tsovisit"] == "true"
    kinds = {association["asn_type"] for association in generate_for_candidates(pool, AssociationRegistry())}
    assert kinds == {"tso-image2", "tso3"}


def test_rows_of_headers_give_what_a_pool_gives(tmp_path):
    headers = {
        "Jw01234001001_02101_00001_nrca1_uncal.fits": {"OBSERVTN": "001", "TARGNAME": "A Star", "FILTER": ""},
        "jw01234002001_02101_00001_nrca1_uncal.fits": {"OBSERVTN": "002", "TARGNAME": "Another", "IS_IMPRT": True},
    }
    for name, header in headers.items():
        fits.PrimaryHDU(header=fits.Header({"TELESCOP": "JWST", "INSTRUME": "NIRCAM", **header})).writeto(
            tmp_path / name
        )
    pool = mkpool(sorted(tmp_path.glob("*.fits")))
    rows = rows_of_headers((name, fits.getheader(tmp_path / name)) for name in sorted(headers))
    assert rows.exposures() == pool.exposures() and rows.name == pool.name
    assert rows.written_names() == pool.written_names() == {next(iter(headers)).lower(): next(iter(headers))}
