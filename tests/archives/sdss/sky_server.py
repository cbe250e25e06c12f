"""A small SkyServer that finds all uploaded positions, unless a test changes that."""

from __future__ import annotations

from aiohttp import web
from field_rows import scan

HEADER = "name,objID,ra,dec,run,rerun,camcol,field,type"
ERROR_PAGE = (
    b"<html><head>\n<title>Skyserver Error</title>\n</head><body bgcolor=white>\n"
    b"<h2>An error occured</h2><H3 BGCOLOR=pink><font color=red><br>%s</font></H3>"
    b"</BODY></HTML>\n"
)


class _Refusal(web.HTTPException):
    def __init__(self, status):
        self.status_code = status
        super().__init__(text="<html>no</html>", content_type="text/html")


def table(*rows, header=HEADER):
    """Write a table in the format of SkyServer."""
    return "\n".join(["#Table1", header, *rows, ""]).encode()


def row(name, ra, dec, field="94,301,6,100"):
    """Write the row of an object."""
    return f"{name},1237645879551066262,{ra},{dec},{field},GALAXY"


class SkyServer:
    """Answers queries for fields and for an object, and uploads."""

    def __init__(self, rows=None):
        #: Fields, of the dtype FIELD.
        self.rows = scan(fields=3) if rows is None else rows
        self.camcols = []
        #: Positions of each upload, the canary left out.
        self.uploads = []
        #: How often it was asked for an object.
        self.examples = 0
        #: Names of each upload.
        self.names = []
        #: Answers to queries for fields, for an object, and to uploads, if not b"".
        self.page = self.nowhere = self.refusal = b""
        #: Status of answers to queries for fields.
        self.status = 200
        #: Makes the lines of a reply, from the (name, ra, dec) of an upload.
        self.lines = lambda uploaded: [row(*one) for one in uploaded]

    async def __call__(self, request):
        """Answer a request."""
        if request.method == "POST":
            return self._crossid((await request.post())["upload"].file.read().decode())
        query = request.query["cmd"].strip()
        if query == "SELECT TOP 1 ra, dec FROM PhotoPrimary":
            self.examples += 1
            return self.nowhere or table("15.25,0.75", header="ra,dec")
        assert "FROM Frame WHERE zoom=0 AND camcol=" in query
        self.camcols.append(int(query.rpartition("=")[2]))
        if self.status != 200:
            raise _Refusal(self.status)
        return self.page or self._fields(self.camcols[-1])

    def _crossid(self, upload):
        uploaded = [tuple(line.split()) for line in upload.splitlines()[1:]]
        names = [name for name, _, _ in uploaded]
        self.names.append(names)
        self.uploads.append(len(set(names) - {"canary"}))
        return self.refusal or table(*self.lines(uploaded))

    def _fields(self, camcol):
        names = ("run", "rerun", "camcol", "field", *"abcdef", "node", "incl")
        lines = [
            ",".join(
                "301" if name == "rerun" else repr(row[name].item()) for name in names
            )
            for row in self.rows[self.rows["camcol"] == camcol]
        ]
        return table(*lines, header=",".join(names))
