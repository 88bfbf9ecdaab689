"""What a card says of its data, as annotations of the Dataset or Screen that they are in.

The key-values and the comment carry our namespace, and every link that is made carries the card's id in its
ExternalInfo: so an edited card changes just what it made, and what people have linked themselves stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from omero_irods_bridge.model.ingest import CARD_NAMESPACE, Card
from omero_irods_bridge.model.loads import TagText
from omero_irods_bridge.operations.ingesting.hands import IngestSide
from omero_irods_bridge.ports import MadeLink

_MAP: Final = "MapAnnotation"
_COMMENT: Final = "CommentAnnotation"
_TAG: Final = "TagAnnotation"


def source_of(card: Card, zone: str) -> str:
    """How links say which card made them."""
    return f"{CARD_NAMESPACE}:{zone}:{card.id}"


def annotate(card: Card, zone: str, container: str, side: IngestSide) -> None:
    """Let ``container`` have what the card says, and nothing more of what it said before."""
    _Annotating(card, source_of(card, zone), container, side).run()


class _Annotating:
    def __init__(self, card: Card, source: str, container: str, side: IngestSide) -> None:
        self._card, self._source, self._container = card, source, container
        self._writer = side.receiver.writer
        self._tags = side.receiver.surroundings
        self._made = side.book.made_links(source, container)
        self._linked = side.book.annotations_of(container)
        self._drafts: list[dict[str, Any]] = []

    def run(self) -> None:
        self._let_be(_MAP, "mapValue", _pairs(self._card))
        self._let_be(_COMMENT, "textValue", self._card.comment)
        self._tag()
        self._writer.save(self._drafts)

    def _let_be(self, kind: str, attribute: str, value: Any) -> None:
        """One annotation of this kind with this value, none when there is nothing to say."""
        before = self._of(kind)
        if value and before:
            self._drafts.append({"@": before[0].child, attribute: value})
        elif value:
            new = self._new(kind)
            self._drafts.append({"@": new, "ns": CARD_NAMESPACE, attribute: value})
            self._link(new)
        self._remove(before[1:] if value else before)

    def _tag(self) -> None:
        wanted = self._keys_of_tags()
        before = self._of(_TAG)
        self._remove([one for one in before if one.child not in wanted])
        for key in wanted:
            if key not in self._linked:
                self._link(key)

    def _keys_of_tags(self) -> list[str]:
        """Tags of this user with these texts, plain ones first; new ones where there are none."""
        texts = self._card.tags
        found: dict[str, str] = {}
        for tag, key in self._tags.find_tags(texts).items() if texts else ():
            if tag.text not in found or tag == TagText(tag.text):
                found[tag.text] = key
        for text in texts:
            if text not in found:
                found[text] = self._new(_TAG)
                self._drafts.append({"@": found[text], "textValue": text})
        return [found[text] for text in texts]

    def _of(self, kind: str) -> list[MadeLink]:
        return [one for one in self._made if one.child.startswith(f"{kind}:")]

    def _remove(self, links: Sequence[MadeLink]) -> None:
        """Also what hangs on nothing then, but for tags; what somebody has linked elsewhere stays there."""
        if links:
            self._writer.delete({links[0].key.partition(":")[0]: _ids(links)}, keep=(_TAG,))

    def _link(self, child: str) -> None:
        kind = self._container.partition(":")[0]
        info = self._new("ExternalInfo")
        self._drafts.append({"@": info, "entityType": self._source, "entityId": self._card.id})
        link = self._new(f"{kind}AnnotationLink")
        details = {"externalInfo": info}
        self._drafts.append({"@": link, "parent": self._container, "child": child, "details": details})

    def _new(self, kind: str) -> str:
        return f"{kind}:_{len(self._drafts) + 1_000}"


def _pairs(card: Card) -> list[list[str]]:
    title = [["title", card.title]] if card.title else []
    return [*title, *([key, value] for key, value in card.pairs)]


def _ids(links: Sequence[MadeLink]) -> list[int]:
    return [int(one.key.partition(":")[2]) for one in links]
