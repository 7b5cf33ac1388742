"""Files that document something, handed out to the parties of their contract."""

from io import BytesIO

from flask import Blueprint, send_file
from flask.typing import ResponseReturnValue

from portal.extensions import parts
from portal.model import Evidence
from portal.permissions import Permission
from portal.web.access import requires
from portal.web.reading import reads
from portal.web.security import sandboxed

blueprint = Blueprint("files", __name__)


@blueprint.get("/evidence/<uuid:public_id>")
@requires(Permission.FILE_READ, Evidence)
@reads("file")
def evidence(file: Evidence) -> ResponseReturnValue:
    """One file, to be saved: never shown as a page of ours, whatever somebody has put in it."""
    content = BytesIO(parts().store.get(file.sha256))
    return sandboxed(send_file(content, mimetype=file.media_type, as_attachment=True, download_name=file.name))
