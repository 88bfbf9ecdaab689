"""Forms as people fill them in, and the jobs that they ask for."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from omero_irods_bridge.agent.pages.rendering import form_token
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, UsageError
from omero_irods_bridge.model.jobs import JobKind, JobSpec, PackWork, UnpackWork, VerifyWork, Work
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.packing import Existing
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.verification import Scope
from omero_irods_bridge.model.work import read_objects

LARGEST_FORM: Final = 256 * 1024
"""Bytes."""

MOST_FIELDS: Final = 50
OFFERED: Final = (JobKind.PACK, JobKind.UNPACK, JobKind.VERIFY)
"""What people ask for; gc is for schedules and administrators, who have the command."""

_ANY: Final = (ObjectRef(Kind.IMAGE, 1),)
_ANYWHERE: Final = "/any/where"

Values = Mapping[str, str]
_T = TypeVar("_T")


async def posted(request: Request) -> Values:
    """What a form of this page brings.

    Raises:
        UsageError: it is too large, or no form.
        AccessDenied: it is of another session than that of the browser, or of another site.
    """
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > LARGEST_FORM:
            raise UsageError(
                f"A form has at most {LARGEST_FORM:,} bytes.", hint="Name fewer objects at once."
            )
    try:
        values = dict(parse_qsl(data.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise UsageError("This is not a form of this page.", hint="Go back and try again.") from error
    if not hmac.compare_digest(values.pop("token", "").encode(), form_token(request).encode()):
        raise AccessDenied(
            "This form is not of your session any more.", hint="Go back, reload, send it again."
        )
    return values


Posted = Annotated[Values, Depends(posted)]


def _empty() -> dict[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Filled:
    """A form for a job with what was filled in, and what is wrong with it by the name of the field.

    "" is what is wrong with the whole.
    """

    kind: JobKind
    values: Values
    errors: Mapping[str, str] = field(default_factory=_empty)
    request_id: str = field(default_factory=lambda: f"page/{uuid.uuid4().hex}")

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def with_error(self, error: BridgeError) -> Filled:
        """The form with what became of it; it can be sent again."""
        return Filled(self.kind, self.values, {**self.errors, "": told(error)})


def told(error: BridgeError) -> str:
    """What is wrong, and what to do."""
    return f"{error.message} {error.hint}".strip()


def read_form(kind: JobKind, values: Values, asker: str) -> JobSpec | Filled:
    """The job that a form asks for, or the form with what is wrong in it."""
    fields = _Reader({name: value.strip() for name, value in values.items()})
    work = _READERS[kind](fields)
    if work is not None:
        who, request_id = fields.text("requested_by") or asker, fields.text("request_id") or uuid.uuid4().hex
        spec = fields.checked("requested_by", lambda: JobSpec(work, who, request_id))
        if spec is not None:
            return spec
    return Filled(kind, values, fields.errors)


class _Reader:
    """Reads fields, and keeps what is wrong with each."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self.errors: dict[str, str] = {}

    def text(self, name: str) -> str:
        return self._values.get(name, "")

    def has(self, name: str) -> bool:
        return bool(self.text(name))

    def checked(self, name: str, make: Callable[[], _T]) -> _T | None:
        try:
            return make()
        except UsageError as error:
            self.errors.setdefault(name, told(error))
        except ValueError:
            self.errors.setdefault(name, "Choose one of these.")
        return None

    def objects(self, name: str) -> tuple[ObjectRef, ...] | None:
        """Objects are parted by blanks, as on the command line."""
        return self.checked(name, lambda: read_objects(name, self.text(name).split()))

    def make(
        self, of: Callable[..., Work], fields: Mapping[str, Any], usual: Mapping[str, Any]
    ) -> Work | None:
        """Each field is tried by itself first, so that each gets its own error."""
        for name, value in fields.items():
            self.checked(name, lambda name=name, value=value: of(**{**usual, name: value}))  # type: ignore[misc]
        return None if self.errors else self.checked("", lambda: of(**fields))


def _pack(form: _Reader) -> Work | None:
    fields = {
        "objects": form.objects("objects") or _ANY,
        "target": form.text("target"),
        "group": form.text("group"),
        "note": form.text("note").replace("\r\n", "\n"),
        "form": form.checked("form", lambda: Form(form.text("form") or Form.ZIP)) or Form.ZIP,
        "existing": form.checked("existing", lambda: Existing(form.text("existing") or Existing.VERSION)),
        "figures": form.has("figures"),
    }
    return form.make(PackWork, fields, {"objects": _ANY})


def _unpack(form: _Reader) -> Work | None:
    into = form.objects("into") if form.has("into") else None
    if into and len(into) > 1:
        form.errors["into"] = "Name just one container."
    fields = {
        "path": form.text("path"),
        "only": (form.objects("only") or ()) if form.has("only") else (),
        "into": into[0] if into else None,
        "group": form.text("group"),
        **{name: form.has(name) for name in ("merge", "in_place", "as_owner")},
        "again": form.text("again"),
    }
    return form.make(UnpackWork, fields, {"path": _ANYWHERE})


def _verify(form: _Reader) -> Work | None:
    scope = form.checked("scope", lambda: Scope(form.text("scope") or Scope.METADATA)) or Scope.METADATA
    sample = form.checked("sample", lambda: _percent(form.text("sample")))
    form.make(VerifyWork, {"path": form.text("path")}, {})
    if sample is not None:
        form.checked("sample", lambda: VerifyWork(_ANYWHERE, scope, sample))
    fields = {"path": form.text("path"), "scope": scope, "sample": sample}
    return None if form.errors else form.checked("", lambda: VerifyWork(**fields))  # type: ignore[arg-type]


def _percent(text: str) -> float | None:
    """A part, of ``5`` or ``5 %``; none of nothing."""
    number = text.removesuffix("%").strip()
    if not number:
        return None
    try:
        return float(number) / 100
    except ValueError as error:
        raise UsageError("Write a number of per cent, for example 5.") from error


_READERS: Final[Mapping[JobKind, Callable[[_Reader], Work | None]]] = {
    JobKind.PACK: _pack,
    JobKind.UNPACK: _unpack,
    JobKind.VERIFY: _verify,
}
