"""Raw exposures of ground tests as raw exposures of the telescope: the FITS generator of the documents.

A *template* says which keywords and arrays a product has, and from what they are made (`template`, `products`); a
*proposal file* says which files of a folder are which exposures (`proposal`); `level1b` turns the pixels into the
orientation of the sky, cuts out subarrays, and names the products.
"""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "create_data": "hexcal.fits_generator.level1b",
        "read_template": "hexcal.fits_generator.template",
        "generate": "hexcal.fits_generator.products",
        "read_proposal": "hexcal.fits_generator.proposal",
    },
)
