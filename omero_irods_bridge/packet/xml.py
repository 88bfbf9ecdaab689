"""XML from strangers: no DTD, no entities, no network, one element at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

from lxml import etree

from omero_irods_bridge.model.errors import BadPacket

XML_BYTES: Final = 1024 * 1024 * 1024
"""Of a document at most; 100,000 images with ten annotations each have half of that."""
ELEMENTS: Final = 1_000_000
"""In one element that is held at once; a dataset of 500,000 images has half of that."""


def iterate_elements(
    chunks: Iterable[bytes], names: Collection[str], *, what: str = "transfer.xml", limit: int = XML_BYTES
) -> Iterator[etree._Element]:
    """Each outermost element with one of these local names, complete, in the order of the document.

    An element is emptied when the next one is asked for: in memory is one at a time. Comments and processing
    instructions are left out.

    Raises:
        BadPacket: ``what`` is not well-formed, is longer than ``limit`` bytes, has a DOCTYPE, or goes beyond
            what libxml2 takes in good faith (depth 256, 10 MB of text in one node).
    """
    yield from _outermost(chunks, lambda name: name in names, what, limit)


def iterate_inside(
    chunks: Iterable[bytes], wrappers: Collection[str], *, what: str = "transfer.xml", limit: int = XML_BYTES
) -> Iterator[etree._Element]:
    """Each outermost element that is none of the ``wrappers``, as :func:`iterate_elements` has them.

    Raises:
        BadPacket: besides what is said there, the document itself is no wrapper.
    """
    is_root = True

    def wanted(name: str) -> bool:
        nonlocal is_root
        if is_root and name not in wrappers:
            raise BadPacket(f"{what} is a document <{name[:100]}>; expected <{'> or <'.join(wrappers)}>.")
        is_root = False
        return name not in wrappers

    yield from _outermost(chunks, wanted, what, limit)


def _outermost(
    chunks: Iterable[bytes], wanted: Callable[[str], bool], what: str, limit: int
) -> Iterator[etree._Element]:
    parser = etree.XMLPullParser(
        events=("start", "end"),
        remove_comments=True,
        remove_pis=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    guard = _PrologGuard(what)
    outermost: etree._Element | None = None
    held = 0
    for chunk in _limited(chunks, limit, what):
        guard.feed(chunk)
        _feed(parser, chunk, what)
        for event, element in parser.read_events():
            assert isinstance(element, etree._Element)  # noqa: SLF001 - lxml gives the class no other name
            held = held + 1 if outermost is not None else 0
            _check_held(held, outermost, what)
            if event == "start" and outermost is None and wanted(local_name(element)):
                outermost = element
            elif event == "end" and element is outermost:
                yield element
                outermost = None
            if event == "end" and outermost is None:
                _forget(element)
    _close(parser, what)


def _check_held(events: int, outermost: etree._Element | None, what: str) -> None:
    if events > 2 * ELEMENTS and outermost is not None:
        raise BadPacket(f"{what} has more than {ELEMENTS:,} elements in one {local_name(outermost)}.")


def local_name(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def parse_xml(data: bytes, *, what: str) -> etree._Element:
    """A small document as a tree; same rules as :func:`iterate_elements`."""
    parser = _small_parser()
    _PrologGuard(what).feed(data)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise _malformed(what, error) from error


def _small_parser(target: _PrologTarget | None = None) -> etree.XMLParser:
    return etree.XMLParser(
        target=target,  # type: ignore[arg-type]  # the stub asks for more methods than lxml does
        remove_comments=True,
        remove_pis=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )


class _RootReached(Exception):
    """There is no DOCTYPE behind the first tag."""


class _PrologTarget:
    def start(self, _tag: str, _attributes: object) -> None:
        raise _RootReached

    def doctype(self, name: str, _public: str | None, _system: str | None) -> None:
        raise BadPacket(f"has a DOCTYPE ({name[:100]!r}); a packet never has one, and entities hide in it")

    def close(self) -> None: ...


class _PrologGuard:
    """Reads up to the first tag ahead of the parser proper, and stops at a DOCTYPE before it is acted on."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._parser: etree.XMLParser | None = _small_parser(_PrologTarget())

    def feed(self, chunk: bytes) -> None:
        if self._parser is None or not chunk:
            return
        try:
            self._parser.feed(chunk)
        except _RootReached:
            self._parser = None
        except BadPacket as error:
            raise BadPacket(f"{self._what} {error.message}.") from None
        except etree.XMLSyntaxError as error:
            raise _malformed(self._what, error) from error


def _limited(chunks: Iterable[bytes], limit: int, what: str) -> Iterator[bytes]:
    done = 0
    for chunk in chunks:
        done += len(chunk)
        if done > limit:
            raise BadPacket(f"{what} is longer than {limit:,} bytes.")
        yield chunk


def _feed(parser: etree.XMLPullParser, chunk: bytes, what: str) -> None:
    try:
        parser.feed(chunk)
    except etree.XMLSyntaxError as error:
        raise _malformed(what, error) from error


def _close(parser: etree.XMLPullParser, what: str) -> None:
    try:
        parser.close()
    except etree.XMLSyntaxError as error:
        raise _malformed(what, error) from error


def _forget(element: etree._Element) -> None:
    """Empty an element that was read, and take those before it out of the tree.

    It has to stay itself, and so has its tail: libxml2 may be about to go on writing there.
    """
    element.clear(keep_tail=True)  # type: ignore[call-arg]  # the stub is of an older lxml
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _malformed(what: str, error: etree.XMLSyntaxError) -> BadPacket:
    return BadPacket(f"{what} is not well-formed XML: {str(error)[:300]}.")
