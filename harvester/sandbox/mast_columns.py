"""The columns of MAST's tables: type, unit, and how to filter on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DISTANCE", "OBSERVATIONS", "PRODUCTS", "MastColumn", "config", "fields"]


class MastColumn(NamedTuple):
    """A column of an answer, and its entry in the column configuration."""

    name: str
    #: Type in the ``fields`` of an answer.
    type: str
    text: str
    about: str
    #: ``vot.datatype``; some columns of the real service have ``type`` only.
    datatype: str = "char"
    unit: str = ""
    #: Separator of several values in one cell.
    separator: str = ""

    def entry(self) -> dict[str, Any]:
        """Give its entry in the column configuration."""
        entry: dict[str, Any] = {"text": self.text, "vot.description": self.about}
        key = "type" if self.datatype == "boolean" else "vot.datatype"
        entry |= {key: self.datatype, "vot.name": self.name}
        if self.unit:
            entry["vot.unit"] = self.unit
        if self.separator:
            entry |= {"separator": self.separator, "separatorType": "split"}
        return entry


def _text(name: str, text: str, about: str, separator: str = "") -> MastColumn:
    return MastColumn(name, "string", text, about, separator=separator)


def _number(name: str, text: str, about: str, unit: str = "") -> MastColumn:
    return MastColumn(name, "float", text, about, "double", unit)


#: Columns of an observation, in the order of today's answers.
OBSERVATIONS = (
    _text("intentType", "Observation Type", "science or calibration"),
    _text("obs_collection", "Mission", "mission that made the data", ";"),
    _text("provenance_name", "Provenance", "pipeline that made the product"),
    _text("instrument_name", "Instrument", "instrument and detector"),
    _text("project", "Project", "processing project", ";"),
    _text("filters", "Filters", "filters in the beam", ";"),
    _text("wave_region", "Wave Region", "part of the spectrum"),
    _text("target_name", "Target Name", "target as the proposer called it"),
    _text("target_classification", "Target Classification", "sort of target", ";"),
    _text("obs_id", "Observation ID", "identifier that the mission gave"),
    _number("s_ra", "RA", "right ascension of the target", "deg"),
    _number("s_dec", "Dec", "declination of the target", "deg"),
    _text("dataproduct_type", "Product Type", "image, spectrum, cube"),
    _text("proposal_pi", "Principal Investigator", "last name, first name"),
    MastColumn(
        "calib_level", "int", "Calibration Level", "3 is a combined product", "int"
    ),
    _number("t_min", "Start Time", "start of the first exposure", "d"),
    _number("t_max", "End Time", "end of the last exposure", "d"),
    _number("t_exptime", "Exposure Length", "total exposure time", "s"),
    _text("wavelength_region", "Waveband", "part of the spectrum", ";"),
    _number("em_min", "Min. Wavelength", "short end of the band", "nm"),
    _number("em_max", "Max. Wavelength", "long end of the band", "nm"),
    _text("obs_title", "Observation Title", "title of the proposal"),
    _number("t_obs_release", "Release Date", "when the data are public", "d"),
    _text("proposal_id", "Proposal ID", "number of the proposal"),
    _text("proposal_type", "Proposal Type", "kind of proposal"),
    MastColumn(
        "sequence_number", "int", "Sequence Number", "place in a sequence", "int"
    ),
    _text("s_region", "Region", "footprint on the sky, as STC-S"),
    _text("jpegURL", "Preview URL", "address of a preview"),
    _text("dataURL", "Data URL", "address of the main product"),
    _text("dataRights", "Data Rights", "PUBLIC or not yet"),
    MastColumn("mtFlag", "boolean", "Moving Target", "target moves", "boolean"),
    MastColumn("srcDen", "float", "Source Density", "catalogued sources", "float"),
    MastColumn("obsid", "string", "Product Group ID", "number of this row", "long"),
    MastColumn("objID", "string", "Object ID", "number of the plane", "long"),
    _number("wave_min", "Min. Wavelength", "short end of the band", "nm"),
    _number("wave_max", "Max. Wavelength", "long end of the band", "nm"),
)

#: Additional columns of positional queries.
DISTANCE = (
    MastColumn("objID1", "string", "Object ID 1", "number of the plane", "long"),
    MastColumn(
        "distance", "float", 'Distance (")', "0 in the footprint", "float", "arcsec"
    ),
)

#: Columns of a product.
PRODUCTS = (
    MastColumn("obsID", "string", "Product Group ID", "observation it is of", "long"),
    _text("obs_collection", "Mission", "mission that made it"),
    _text("dataproduct_type", "Product Type", "image, spectrum, cube"),
    _text("obs_id", "Observation ID", "exposure or association"),
    _text("description", "Description", "what is in the file"),
    _text("type", "Type", "S simple, D derived, C composite"),
    _text("dataURI", "URI", "name to download it by"),
    _text("productType", "Product Type", "SCIENCE, PREVIEW, AUXILIARY, INFO"),
    _text("productGroupDescription", "Product Group", "recommended or not"),
    _text("productSubGroupDescription", "Product Subgroup", "suffix of the file"),
    _text("productDocumentationURL", "Documentation", "where it is described"),
    _text("project", "Project", "pipeline that made it"),
    _text("prvversion", "Version", "version of that pipeline"),
    _text("proposal_id", "Proposal ID", "number of the proposal"),
    _text("productFilename", "Filename", "name of the file"),
    MastColumn("size", "int", "File Size", "bytes", "int"),
    MastColumn(
        "parent_obsid", "string", "Parent Group ID", "the one asked for", "long"
    ),
    _text("dataRights", "Data Rights", "PUBLIC or not yet"),
    MastColumn("calib_level", "int", "Calibration Level", "0 raw to 3 combined", "int"),
    _text("filters", "Filters", "filters in the beam"),
)

_CONFIGS = {
    "Mast.Caom.Cone": OBSERVATIONS + DISTANCE,
    "Mast.Caom.Filtered": OBSERVATIONS,
    "Mast.Caom.Filtered.Position": OBSERVATIONS + DISTANCE,
    "Mast.Caom.Products": PRODUCTS,
}


def config(name: str) -> dict[str, Any]:
    """Give the column configuration of a service; empty if it is unknown."""
    return {column.name: column.entry() for column in _CONFIGS.get(name, ())}


def fields(columns: Iterable[MastColumn]) -> list[dict[str, str]]:
    """Give the ``fields`` of an answer."""
    return [{"name": column.name, "type": column.type} for column in columns]
