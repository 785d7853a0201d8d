"""What the pipelines of stage 2 share: each product of an association is one exposure."""

from hexcal.core import Pipeline


class ExposurePipeline(Pipeline):
    """Pipeline that calibrates one exposure with those that belong to it."""

    def process_exposure_product(self, exp_product, pool_name="", asn_file=""):
        """Calibrate one product of an association.

        Parameters
        ----------
        exp_product : dict
            ``name`` and ``members``, as in the association; the members are looked for in the present folder.
        pool_name, asn_file : str
            Names of the pool and of the association, for the headers (POOLNAME, ASNTABLE).

        Returns
        -------
        DataModel
        """
        return self.run({"asn_pool": pool_name, "table_name": asn_file, "products": [exp_product]})
