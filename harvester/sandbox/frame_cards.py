"""The headers of an SDSS frame, card by card as the survey's programs wrote them.

Cards have a fixed format, and there are as many as in a real frame, so that pixels and
tables begin at the same bytes. Only `ORIGIN` says that the pixels are synthetic.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .hdus import ORIGIN
from .scans import COLUMNS, FIELD_STEP, ROWS, RUNS

if TYPE_CHECKING:
    from .scans import ScanField

__all__ = ["CALIBRATION_CARDS", "primary_cards"]

#: The chips of a camera column see a field one after the other, so many frames later.
_FRAMES_LATE = {"r": 0, "i": 2, "u": 4, "z": 6, "g": 8}
#: Microseconds from row to row.
_ROW_US = 26322
_MARK = f"ORIGIN  = '{ORIGIN[0]}' / {ORIGIN[1]}"

_PRIMARY = """\
SIMPLE  =                    T / standard FITS
BITPIX  =                  -32 / floats of 32 bits
NAXIS   =                    2 / an image
NAXIS1  = {columns:>20} / columns, across the scan
NAXIS2  = {rows:>20} / rows, along the scan
EXTEND  =                    T / extensions follow
BZERO   =              0.00000 / no offset
BSCALE  =              1.00000 / no factor
TAI     = {tai:>20.2f} / first row: seconds since MJD 0
RA      = {ra:>20.5f} / first row: where the telescope pointed (deg)
DEC     = {dec:>20.6f} / first row: where the telescope pointed (deg)
SPA     =              90.000  / first row: angle of the camera column (deg)
IPA     =              90.000  / first row: angle of the rotator (deg)
IPARATE =               0.0000 / first row: speed of the rotator (deg/s)
AZ      =            180.00000 / first row: azimuth (deg)
ALT     =            60.000000 / first row: altitude (deg)
FOCUS   =           -100.00000 / first row: focus piston (um)
DATE-OBS= '{date}'         / first row: date, TAI
TAIHMS  = '{time}'        / first row: time, TAI
COMMENT  TAI,RA,DEC,SPA,IPA,IPARATE,AZ,ALT,FOCUS belong to column 0 of row 0
{mark}
TELESCOP= '2.5m    '
TIMESYS = 'TAI     '
RUN     = {run:>20} / run number
FRAME   = {frame:>20} / number of the frame in the run
CCDLOC  = {ccd:>20} / row and column of the CCD in the camera
STRIPE  = {stripe:>20} / stripe of the survey
STRIP   = '{strip}       '           / strip of the stripe
FLAVOR  = 'science '           / kind of run
OBSERVER= 'nobody  '           / observer
SYS_SCN = 'mean    '           / system of the great circle
EQNX_SCN=           2000.00    / its equinox (years)
NODE    = {node:>20.5f} / RA of the scan's ascending node (deg)
INCL    = {incl:>20.5f} / inclination of the scan (deg)
XBORE   =           -22.74     / boresight off the middle of the camera (mm)
YBORE   =           0.00       / boresight off the middle of the camera (mm)
OBJECT  = '{stripe} {strip}    '           / stripe and strip
EXPTIME = '53.907456'          / exposure time (seconds), as text
SYSTEM  = 'FK5     '           / system of the coordinates
CCDMODE = 'DRIFT   '           / read out while the sky drifts over it
C_OBS   = {row_us:>20} / time from row to row (usec)
COLBIN  =                    1 / columns to a pixel
ROWBIN  =                    1 / rows to a pixel
DAVERS  = 'v14_1   '           / version of the camera's software
SCDMETHD= 'sqrtDynamic'        / display: method
SCDWIDTH=                 1280 / display: width
SCDDECMF=                    1 / display: decimation
SCDOFSET=                  410 / display: offset
SCDDYNTH=                  -19 / display: dynamic threshold
SCDSTTHL=                   30 / display: static threshold, left
SCDSTTHR=                   30 / display: static threshold, right
SCDREDSZ=                  480 / display: reduced size
SCDSKYL =                 1000 / display: sky, left
SCDSKYR =                 1000 / display: sky, right
COMMENT  Of this CCD
CAMROW  = {row:>20} / row of the CCD in the camera
BADLINES= {lost:>20} / rows that were lost
EQUINOX =              2000.00 / years
SOFTBIAS=                 1000 / added to all DN by software
BUNIT   = 'nanomaggy'          / calibrated, sky taken off
FILTER  = '{band}       '           / filter
CAMCOL  = {camcol:>20} / column of the CCD in the camera
VERSION = 'v5_6_3  '
DERV_VER= 'sandbox '
ASTR_VER= 'sandbox '
ASTRO_ID= 'sandbox '
BIAS_ID = 'PS      '
FRAME_ID= 'sandbox '
KO_VER  = 'sandbox '
PS_ID   = 'sandbox '
ATVSN   = 'sandbox '           / version of the astrometry
RADECSYS= 'ICRS    '           / celestial system
CTYPE1  = 'RA---TAN'           / axis
CTYPE2  = 'DEC--TAN'           / axis
CUNIT1  = 'deg     '           / unit
CUNIT2  = 'deg     '           / unit
CRPIX1  = {crpix[0]:>20.8f} / column of the reference pixel
CRPIX2  = {crpix[1]:>20.8f} / row of the reference pixel
CRVAL1  = {crval[0]:>20.12G} / its right ascension (deg)
CRVAL2  = {crval[1]:>20.12G} / its declination (deg)
CD1_1   = {cd[0]:>20.12G} / RA to a column (deg)
CD1_2   = {cd[1]:>20.12G} / RA to a row (deg)
CD2_1   = {cd[2]:>20.12G} / Dec to a column (deg)
CD2_2   = {cd[3]:>20.12G} / Dec to a row (deg)
HISTORY  Astrometry of the synthetic sky
COMMENT  Calibration
COMMENT  Floats truncated at 10 binary digits with FLOATCOMPRESS
NMGY    = {nmgy:>20.8f} / mean calibration [nMgy per count]
NMGYIVAR=             0.150716 / its inverse variance
VERSIDL = 'none    '           / version of IDL
VERSUTIL= 'none    '           / version of idlutils
VERSPOP = 'none    '           / version of photoop
PCALIB  = 'sandbox '           / where the calibration is from
PSKY    = 'sandbox '           / where the sky is from
RERUN   = '301     '           / rerun
HISTORY  SDSS_FRAME_ASTROM: none
"""

#: The header of the calibration vector, which follows the image.
CALIBRATION_CARDS = f"""\
XTENSION= 'IMAGE   '           / extension
BITPIX  =                  -32 /
NAXIS   =                    1 /
NAXIS1  = {COLUMNS:>20} /
PCOUNT  =                    0 /
GCOUNT  =                    1 /
{_MARK}
"""


def primary_cards(field: ScanField, band: str, nmgy: float, lost: int) -> str:
    """Give the cards of the first header, one a line.

    Parameters
    ----------
    nmgy
        Mean calibration, nanomaggies a count.
    lost
        Rows of the frame that were lost and are 0.
    """
    key, run, at = field.key, RUNS[field.key.run], field.tangent(band)
    late = _FRAMES_LATE[band]
    tai = field.mjd * 86400.0 + late * FIELD_STEP * _ROW_US * 1e-6
    start = datetime(1858, 11, 17, tzinfo=UTC) + timedelta(seconds=tai)
    row = late // 2 + 1
    return _PRIMARY.format(
        columns=COLUMNS,
        rows=ROWS,
        row_us=_ROW_US,
        mark=_MARK,
        tai=tai,
        date=start.date().isoformat(),
        time=start.strftime("%H:%M:%S.%f")[:11],
        ra=field.tangent().ra,
        dec=field.tangent().dec,
        run=key.run,
        frame=key.field + late,
        ccd=row * 10 + key.camcol,
        row=row,
        camcol=key.camcol,
        band=band,
        stripe=run.stripe,
        strip="N" if key.camcol % 2 else "S",
        node=field.node,
        incl=field.incl,
        crpix=(at.x + 1.0, at.y + 1.0),
        crval=(at.ra, at.dec),
        cd=at.cd,
        nmgy=nmgy,
        lost=lost,
    )
