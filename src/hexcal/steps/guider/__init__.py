"""Steps on the exposures of the fine guidance sensor as a guider."""
