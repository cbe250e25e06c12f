"""SDSS: fields, identifiers, and the services SkyServer and SAS."""
