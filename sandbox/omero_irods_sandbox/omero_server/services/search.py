"""omero.api.Search: names, descriptions and annotations by words, without an index.

Words are runs of letters and digits, compared without case, as OMERO's FullTextAnalyzer
cuts them; ``*`` and ``?`` are wildcards, ``"..."`` a phrase, ``field:word`` looks into one field.
"""

from __future__ import annotations

import calendar
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import omero
from omero.rtypes import unwrap

from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import EntityType
from omero_irods_sandbox.omero_server.model.types import IObject, RType
from omero_irods_sandbox.omero_server.services.options import Conditions
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import StatefulService

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.sessions.session import Session

_TERM: Final = re.compile(r'(?:(?P<field>[\w.]+):)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))')
_TOKEN: Final = re.compile(r"[^\W_]+")
_DAY_MS: Final = 86_400_000
_BATCH: Final = 1000

_ANNOTATION_TEXTS: Final = (
    ("tag", "select l.parent.id, a.textValue from {link} l join l.child a where TYPE(a) = TagAnnotation"),
    (
        "annotation",
        "select l.parent.id, a.textValue from {link} l join l.child a where TYPE(a) = CommentAnnotation",
    ),
    ("annotation", "select l.parent.id, v.value from {link} l join l.child a join a.mapValue v"),
    ("annotation", "select l.parent.id, v.name from {link} l join l.child a join a.mapValue v"),
    (
        "file.name",
        "select l.parent.id, a.file.name from {link} l join l.child a where TYPE(a) = FileAnnotation",
    ),
)


@dataclass(frozen=True, slots=True)
class _Restrictions:
    """What all queries of a search have in common."""

    type_: str | None = None
    owner_id: int | None = None
    created_ms: tuple[int | None, int | None] = (None, None)
    acquired_ms: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True, slots=True)
class _Query:
    """Words to find, in some fields or, when none is named, in all."""

    text: str
    fields: tuple[str, ...]
    restrictions: _Restrictions


@dataclass(slots=True)
class _State:
    batch: int = _BATCH
    restrictions: _Restrictions = field(default_factory=_Restrictions)
    queries: list[_Query] = field(default_factory=list)
    waiting: list[IObject] = field(default_factory=list)


@service(omero.api.Search, getter="createSearchService", stateful=True)
class SearchService(StatefulService):
    """Restrictions first; each ``by...`` adds a query; ``results`` gives batches until nothing is left."""

    has_hibernate_session = True

    def __init__(self, server: OmeroServer, session: Session) -> None:
        super().__init__(server, session)
        self._state = _State()
        self._lock = threading.Lock()

    # -- restrictions

    def onlyType(self, type_: str, _call: Call) -> None:
        self._restrict(type_=MODEL.entity(type_).name)

    def onlyOwnedBy(self, details: Any, _call: Call) -> None:
        owner = None if details is None else details.owner
        self._restrict(owner_id=None if owner is None else int(unwrap(owner.id)))

    def onlyCreatedBetween(self, start: RType, stop: RType, _call: Call) -> None:
        self._restrict(created_ms=(unwrap(start), unwrap(stop)))

    def _restrict(self, **changes: Any) -> None:
        with self._lock:
            self._state.restrictions = replace(self._state.restrictions, **changes)

    def setBatchSize(self, size: int, _call: Call) -> None:
        self._state.batch = size

    def getBatchSize(self, _call: Call) -> int:
        return self._state.batch

    def setAllowLeadingWildcard(self, allow: bool, _call: Call) -> None:
        """Wildcards are allowed anywhere."""

    def setCaseSensitive(self, sensitive: bool, _call: Call) -> None:
        """Case never matters."""

    def resetDefaults(self, _call: Call) -> None:
        self._state = _State()

    # -- queries

    def byFullText(self, query: str, _call: Call) -> None:
        self._add(query, (), self._state.restrictions)

    def byLuceneQueryBuilder(  # the slice's arguments
        self, fields: str, start: str, end: str, date_type: str, query: str, _call: Call
    ) -> None:
        """``fields`` is separated by commas; days are ``yyyymmdd``; ``date_type`` is a path of the object."""
        days = (_day_ms(start), _day_ms(end, _DAY_MS - 1))
        restrictions = self._state.restrictions
        if date_type == "acquisitionDate":
            restrictions = replace(restrictions, acquired_ms=days)
        elif date_type:
            restrictions = replace(restrictions, created_ms=days)
        self._add(query, tuple(name.strip() for name in fields.split(",") if name.strip()), restrictions)

    def _add(self, text: str, fields: tuple[str, ...], restrictions: _Restrictions) -> None:
        if restrictions.type_ is None:
            raise api_usage("a search needs a type: call onlyType first")
        if not _terms(text):
            raise api_usage(f"nothing to search for in {text!r}")
        with self._lock:
            self._state.queries.append(_Query(text, fields, restrictions))

    def clearQueries(self, _call: Call) -> None:
        with self._lock:
            self._state.queries.clear()
            self._state.waiting.clear()

    def activeQueries(self, _call: Call) -> int:
        return len(self._state.queries)

    # -- results

    def hasNext(self, call: Call) -> bool:
        with self._lock:
            while not self._state.waiting and self._state.queries:
                self._state.waiting = _answer(self._state.queries.pop(0), call)
            return bool(self._state.waiting)

    def results(self, call: Call) -> list[IObject]:
        """Raises ApiUsageException when there is nothing more."""
        if not self.hasNext(call):
            raise api_usage("no more results: ask hasNext first")
        with self._lock:
            batch, rest = self._state.waiting[: self._state.batch], self._state.waiting[self._state.batch :]
            self._state.waiting = rest
        return batch

    def next(self, call: Call) -> IObject:
        if not self.hasNext(call):
            raise api_usage("no more results: ask hasNext first")
        with self._lock:
            return self._state.waiting.pop(0)


def _day_ms(text: str, plus_ms: int = 0) -> int | None:
    if not text:
        return None
    return calendar.timegm(time.strptime(text, "%Y%m%d")) * 1000 + plus_ms


def _answer(query: _Query, call: Call) -> list[IObject]:
    assert query.restrictions.type_ is not None
    entity = MODEL.entity(query.restrictions.type_)
    found = sorted(_matching(query, entity, call))
    if not found:
        return []
    where = _where(query.restrictions, entity)
    where.add("o.id in (:ids)", ids=found)
    text = (
        f"select o from {entity.name} o join fetch o.details.owner join fetch o.details.creationEvent{where}"
    )
    return call.store.objects(f"{text} order by o.id", call.caller, **where.values)


def _where(restrictions: _Restrictions, entity: EntityType) -> Conditions:
    where = Conditions()
    if restrictions.owner_id is not None:
        where.add("o.details.owner.id = :owner", owner=restrictions.owner_id)
    _within(where, "o.details.creationEvent.time", restrictions.created_ms)
    if "acquisitionDate" in entity.fields:
        _within(where, "o.acquisitionDate", restrictions.acquired_ms)
    return where


def _within(where: Conditions, path: str, period: tuple[int | None, int | None]) -> None:
    name = path.replace(".", "_")
    for sign, label, moment in ((">=", "from", period[0]), ("<=", "to", period[1])):
        if moment is not None:
            where.add(f"{path} {sign} :{name}_{label}", **{f"{name}_{label}": moment})


# -- words


@dataclass(frozen=True, slots=True)
class _Term:
    field: str | None
    words: tuple[str, ...]
    """Patterns of words that follow each other."""

    def matches(self, tokens: Sequence[str]) -> bool:
        size = len(self.words)
        return any(
            all(
                re.fullmatch(word, token)
                for word, token in zip(self.words, tokens[start : start + size], strict=True)
            )
            for start in range(len(tokens) - size + 1)
        )


def _terms(text: str) -> list[_Term]:
    found = []
    for match in _TERM.finditer(text):
        raw = match["phrase"] if match["phrase"] is not None else match["word"]
        words = tuple(
            _pattern(word) for word in re.findall(r"[^\W_*?]*(?:[*?]|[^\W_])[^\W_*?]*[*?]*", raw.lower())
        )
        if words and raw.lower() not in ("and", "or"):
            found.append(_Term(match["field"], words))
    return found


def _pattern(word: str) -> str:
    return re.escape(word).replace(r"\*", ".*").replace(r"\?", ".")


def _matching(query: _Query, entity: EntityType, call: Call) -> set[int]:
    """Ids of objects with one of the terms, or with all when the text says AND."""
    terms = _terms(query.text)
    texts = _texts(entity, call)
    hits = [_with_term(term, query.fields, texts) for term in terms]
    needs_all = re.search(r"\sand\s", query.text, re.IGNORECASE) is not None
    return set.intersection(*hits) if needs_all else set.union(*hits)


def _with_term(term: _Term, fields: tuple[str, ...], texts: Iterable[tuple[int, str, str]]) -> set[int]:
    wanted = (term.field,) if term.field else fields
    return {
        id_
        for id_, name, text in texts
        if (not wanted or name in wanted) and term.matches(_TOKEN.findall(text.lower()))
    }


def _texts(entity: EntityType, call: Call) -> list[tuple[int, str, str]]:
    """All that can be found of a class: (id, field, text)."""
    sources: dict[str, list[str]] = defaultdict(list)
    for name in ("name", "description", "textValue", "ns"):
        if name in entity.fields:
            sources[name].append(f"select o.id, o.{name} from {entity.name} o")
    link = MODEL.annotation_link(entity.name)
    if link is not None:
        for name, query in _ANNOTATION_TEXTS:
            sources[name].append(query.format(link=link.name))
    found = []
    for name, queries in sources.items():
        for query in queries:
            rows = call.store.query(query, {}, call.caller).rows
            found += [(unwrap(id_), name, unwrap(text)) for id_, text in rows if unwrap(text)]
    return found
