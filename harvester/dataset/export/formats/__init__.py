"""The formats of this package: a module for each, with its `ExportFormat`."""
