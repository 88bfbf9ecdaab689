"""Archives of every hostile kind that we know, each with the words in which it is to be refused.

``python -m tests.unit.packet.hostile FOLDER`` writes them as files, for the tests of other programs.
"""

from __future__ import annotations

import io
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omero_irods_bridge.packet import zip_format as z

Builder = Callable[[], bytes]
ARCHIVES: dict[str, tuple[Builder, str]] = {}
"""By name: the builder, and a regular expression for the refusal."""


def refused(why: str) -> Callable[[Builder], Builder]:
    def register(builder: Builder) -> Builder:
        ARCHIVES[builder.__name__] = builder, why
        return builder

    return register


# -- zip


@dataclass
class Raw:
    """A member of a zip; ``local`` and ``central`` replace fields of its records, by name."""

    name: bytes = b"transfer.xml"
    data: bytes = b"<OME/>"
    method: int = z.STORED
    flags: int = z.FLAG_UTF8
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)
    size: int | None = None
    after: bytes = b""

    def fields(self, offset: int) -> dict[str, Any]:
        packed = self.packed()
        return {
            "made_by": z.MADE_BY_UNIX | 20,
            "version": 20,
            "flags": self.flags,
            "method": self.method,
            "time": 0,
            "date": 33,
            "crc": zlib.crc32(self.data),
            "compressed": len(packed),
            "size": len(self.data) if self.size is None else self.size,
            "name": self.name,
            "extra": b"",
            "comment": b"",
            "disk": 0,
            "internal": 0,
            "external": 0o100644 << 16,
            "offset": offset,
        }

    def packed(self) -> bytes:
        if self.method != z.DEFLATED:
            return self.data
        compress = zlib.compressobj(9, wbits=-15)
        return compress.compress(self.data) + compress.flush()

    def local_record(self) -> bytes:
        f = self.fields(0) | self.local
        head = [f[key] for key in ("version", "flags", "method", "time", "date", "crc", "compressed", "size")]
        lengths = (len(f["name"]), len(f["extra"]))
        return bytes(z.LOCAL.pack(z.LOCAL_SIGNATURE, *head, *lengths) + f["name"] + f["extra"])

    def central_record(self, offset: int) -> bytes:
        f = self.fields(offset) | self.central
        keys = ("made_by", "version", "flags", "method", "time", "date", "crc", "compressed", "size")
        head = [f[key] for key in keys]
        lengths = (len(f["name"]), len(f["extra"]), len(f["comment"]))
        tail = [f[key] for key in ("disk", "internal", "external", "offset")]
        record = z.CENTRAL.pack(z.CENTRAL_SIGNATURE, *head, *lengths, *tail)
        return bytes(record + f["name"] + f["extra"] + f["comment"])


def raw_zip(
    *members: Raw, before: bytes = b"", end: dict[str, int] | None = None, comment: bytes = b""
) -> bytes:
    """A zip of these members; ``end`` replaces fields of its end record."""
    out, directory = bytearray(before), b""
    for member in members:
        directory += member.central_record(len(out))
        out += member.local_record() + member.packed() + member.after
    return bytes(out) + directory + end_record(len(members), len(directory), len(out), end, comment)


def end_record(
    count: int, size: int, offset: int, changed: dict[str, int] | None = None, comment: bytes = b""
) -> bytes:
    f = {"disk": 0, "start": 0, "here": count, "entries": count, "size": size, "offset": offset}
    values = (f | (changed or {})).values()
    return z.END.pack(z.END_SIGNATURE, *values, len(comment)) + comment


def end64_record(count: int, length: int, start: int, place: int, changed: dict[str, int]) -> bytes:
    f = {"length": 44, "made": 45, "version": 45, "disk": 0, "start": 0, "here": count, "entries": count}
    values = (f | {"size": length, "offset": start} | changed).values()
    return z.END64.pack(z.END64_SIGNATURE, *values) + z.LOCATOR.pack(z.LOCATOR_SIGNATURE, 0, place, 1)


def zip64_zip(**changed: int) -> bytes:
    """A zip with a zip64 end whose fields can be replaced; without any it is a good one."""
    member = Raw()
    body = member.local_record() + member.packed()
    directory = member.central_record(0)
    end64 = end64_record(1, len(directory), len(body), len(body) + len(directory), changed)
    full = {"here": 0xFFFF, "entries": 0xFFFF, "size": z.FULL32, "offset": z.FULL32}
    return body + directory + end64 + end_record(0, 0, 0, full)


def good_zip() -> bytes:
    return raw_zip(
        Raw(b"root_0/a.tif", b"pixels" * 50),
        Raw(data=b"<OME>" + b" " * 500 + b"</OME>", method=z.DEFLATED),
    )


def named(name: bytes) -> bytes:
    return raw_zip(Raw(), Raw(name, b"x"))


@refused("end is missing")
def zip_cut_in_its_directory() -> bytes:
    return good_zip()[:-40]


@refused("end is missing")
def zip_cut_in_its_end() -> bytes:
    return good_zip()[:-1]


@refused("end is missing")
def zip_cut_in_a_member() -> bytes:
    return good_zip()[:100]


@refused("neither a zip nor a tar")
def zip_cut_in_its_first_signature() -> bytes:
    return good_zip()[:3]


@refused("empty")
def file_of_no_bytes() -> bytes:
    return b""


@refused("neither a zip nor a tar")
def zip_behind_a_program() -> bytes:
    return raw_zip(Raw(), before=b"#!/bin/sh\nexit\n")


@refused("bytes before the first member")
def zip_behind_a_hidden_member() -> bytes:
    hidden = Raw(b"hidden", b"x")
    return raw_zip(Raw(), before=hidden.local_record() + hidden.data)


@refused("something before it")
def zip_with_a_zip_before_it() -> bytes:
    return good_zip() + good_zip()


@refused("end is missing")
def zip_with_garbage_behind_it() -> bytes:
    return good_zip() + b"garbage"


@refused("belong to nothing")
def zip_with_a_member_between_members() -> bytes:
    hidden = Raw(b"hidden", b"x")
    return raw_zip(Raw(after=hidden.local_record() + hidden.data), Raw(b"b"))


@refused("encrypted")
def zip_encrypted() -> bytes:
    return raw_zip(Raw(flags=z.FLAG_ENCRYPTED | z.FLAG_UTF8))


@refused("encrypted")
def zip_strongly_encrypted() -> bytes:
    return raw_zip(Raw(flags=z.FLAG_STRONG_ENCRYPTION))


@refused("encrypted")
def zip_with_masked_headers() -> bytes:
    return raw_zip(Raw(flags=z.FLAG_MASKED))


@refused("packed differently by its own header")
def zip_encrypted_only_by_its_local_header() -> bytes:
    return raw_zip(Raw(local={"flags": z.FLAG_ENCRYPTED | z.FLAG_UTF8}))


@refused("would inflate")
def zip_bomb() -> bytes:
    return raw_zip(Raw(data=bytes(100_000_000), method=z.DEFLATED))


@refused("would inflate")
def zip_bomb_of_many_members() -> bytes:
    data = bytes(30_000_000)
    return raw_zip(*(Raw(b"%d" % number, data, z.DEFLATED) for number in range(3)))


@refused("would inflate")
def zip_that_quotes_an_impossible_size() -> bytes:
    return raw_zip(Raw(method=z.DEFLATED, size=4_000_000_000))


@refused("stored, and has two sizes")
def zip_stored_with_two_sizes() -> bytes:
    return raw_zip(Raw(size=5))


@refused("overlaps")
def zip_of_entries_that_share_a_body() -> bytes:
    """David Fifield, A better zip bomb (WOOT 2019), in its simplest form."""
    kernel = Raw(b"a", bytes(10_000), z.DEFLATED)
    body = kernel.local_record() + kernel.packed()
    directory = kernel.central_record(0) + Raw(b"b", kernel.data, z.DEFLATED).central_record(0)
    return body + directory + end_record(2, len(directory), len(body))


@refused("overlaps")
def zip_of_entries_that_quote_each_other() -> bytes:
    """The same paper: the data of the first begin with the header of the second."""
    inner = Raw(b"b", b"x" * 100)
    inner_body = inner.local_record() + inner.data
    outer = Raw(b"a", inner_body)
    head = outer.local_record()
    directory = outer.central_record(0) + inner.central_record(len(head))
    return head + inner_body + directory + end_record(2, len(directory), len(head + inner_body))


@refused("overlaps")
def zip_whose_local_extra_pushes_data_into_the_next_member() -> bytes:
    long = Raw(b"a", b"x" * 50, local={"extra": struct.pack("<2H", 0x9999, 20) + bytes(20)})
    body = long.local_record() + long.data[:-10]
    second = Raw(b"b")
    directory = long.central_record(0) + second.central_record(len(body))
    body += second.local_record() + second.data
    return body + directory + end_record(2, len(directory), len(body))


@refused(r"component '\.\.'")
def zip_that_climbs() -> bytes:
    return named(b"../../etc/cron.d/x")


@refused(r"component '\.\.'")
def zip_that_climbs_in_the_middle() -> bytes:
    return named(b"root_0/../../x")


@refused("absolute")
def zip_with_an_absolute_name() -> bytes:
    return named(b"/etc/passwd")


@refused("absolute")
def zip_with_a_drive_letter() -> bytes:
    return named(b"C:/Windows/x")


@refused("backslash")
def zip_with_backslashes() -> bytes:
    return named(b"..\\..\\x")


@refused("control character")
def zip_with_a_nul_in_a_name() -> bytes:
    return named(b"a.tif\0.exe")


@refused("control character")
def zip_with_an_escape_sequence_in_a_name() -> bytes:
    return named(b"\x1b]0;owned\x07")


@refused("longer than")
def zip_with_an_endless_name() -> bytes:
    return named(b"a" * 60_000)


@refused("is not UTF-8")
def zip_with_a_name_in_no_encoding() -> bytes:
    return named(b"\xff\xfe")


@refused("second name")
def zip_with_two_names_for_a_member() -> bytes:
    other = b"\x01" + struct.pack("<L", zlib.crc32(b"innocent")) + b"../evil"
    extra = struct.pack("<2H", z.UNICODE_PATH_TAG, len(other)) + other
    return raw_zip(Raw(b"innocent", central={"extra": extra}))


@refused("is empty|empty component")
def zip_with_an_empty_name() -> bytes:
    return named(b"")


@refused("one name")
def zip_with_a_name_twice() -> bytes:
    return raw_zip(Raw(), Raw())


@refused("one name")
def zip_with_a_name_twice_once_with_a_dot() -> bytes:
    return raw_zip(Raw(), Raw(b"./transfer.xml"))


@refused("differ only by case")
def zip_with_case_twins() -> bytes:
    return raw_zip(Raw(), Raw(b"Transfer.xml"))


@refused("Unicode form")
def zip_with_unicode_twins() -> bytes:
    return raw_zip(Raw("\u00e4.tif".encode()), Raw("a\u0308.tif".encode()))


@refused("folder and a file")
def zip_with_a_file_that_is_a_folder() -> bytes:
    return raw_zip(Raw(b"a"), Raw(b"a/b"))


@refused("folder and a file")
def zip_with_a_file_and_an_empty_folder_of_one_name() -> bytes:
    return raw_zip(Raw(b"a"), Raw(b"a/", b"", central={"external": 0}))


@refused("symbolic link")
def zip_with_a_symbolic_link() -> bytes:
    return raw_zip(Raw(b"link", b"/etc/passwd", central={"external": 0o120777 << 16}))


@refused("neither a file nor a folder")
def zip_with_a_device() -> bytes:
    return raw_zip(Raw(b"null", b"", central={"external": 0o020666 << 16}))


@refused("neither a file nor a folder")
def zip_with_a_folder_that_is_named_as_a_file() -> bytes:
    return raw_zip(Raw(b"folder", b"", central={"external": 0o040755 << 16}))


@refused("The folder .* has 1 bytes")
def zip_with_data_in_a_folder() -> bytes:
    return raw_zip(Raw(), Raw(b"folder/", b"x", central={"external": 0o040755 << 16}))


@refused("not read")
def zip_compressed_by_another_method() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("transfer.xml", "<OME/>" * 100)
    return out.getvalue()


@refused("several disks")
def zip_of_several_disks() -> bytes:
    return raw_zip(Raw(), end={"disk": 1, "start": 1})


@refused("several disks")
def zip_with_fewer_entries_on_this_disk() -> bytes:
    return raw_zip(Raw(), end={"here": 0})


@refused("another disk")
def zip_with_a_member_on_another_disk() -> bytes:
    return raw_zip(Raw(central={"disk": 7}))


@refused("cannot have")
def zip_that_counts_more_than_it_can_have() -> bytes:
    return raw_zip(Raw(), end={"here": 60_000, "entries": 60_000})


@refused("more than 1,000,000")
def zip_that_counts_billions() -> bytes:
    return zip64_zip(here=2**40, entries=2**40)


@refused("fewer entries|damaged|cannot have")
def zip_that_counts_one_too_many() -> bytes:
    return raw_zip(Raw(b"a" * 60), end={"here": 2, "entries": 2})


@refused("more entries")
def zip_that_counts_one_too_few() -> bytes:
    return raw_zip(Raw(b"a"), Raw(b"b"), end={"here": 1, "entries": 1})


@refused("something before it|directory of")
def zip_whose_directory_is_before_the_file() -> bytes:
    return zip64_zip(offset=2**64 - 20)


@refused("directory of|something before it")
def zip_whose_directory_is_larger_than_the_file() -> bytes:
    return zip64_zip(size=2**63)


@refused("not where it should be")
def zip_whose_zip64_end_is_elsewhere() -> bytes:
    data = bytearray(zip64_zip())
    struct.pack_into("<Q", data, len(data) - z.END.size - z.LOCATOR.size + 8, 10)
    return bytes(data)


@refused("disagree")
def zip_whose_two_ends_disagree() -> bytes:
    data = bytearray(zip64_zip())
    struct.pack_into("<2H", data, len(data) - z.END.size + 8, 3, 3)
    return bytes(data)


@refused("reaches beyond")
def zip_with_an_offset_beyond_the_file() -> bytes:
    return raw_zip(Raw(central={"offset": 2**31}))


@refused("reaches beyond")
def zip_with_an_offset_that_overflows() -> bytes:
    extra = struct.pack("<2HQ", z.ZIP64_TAG, 8, 2**64 - 1)
    return raw_zip(Raw(central={"offset": z.FULL32, "extra": extra}))


@refused("reaches beyond")
def zip_with_a_size_beyond_the_file() -> bytes:
    return raw_zip(Raw(central={"size": 10_000, "compressed": 10_000}))


@refused("zip64 size .* is missing")
def zip_whose_zip64_field_is_too_short() -> bytes:
    extra = struct.pack("<2HL", z.ZIP64_TAG, 4, 1)
    return raw_zip(Raw(central={"size": z.FULL32, "extra": extra}))


@refused("extra fields .* damaged")
def zip_with_damaged_extra_fields() -> bytes:
    return raw_zip(Raw(central={"extra": struct.pack("<2H", 1, 500)}))


@refused("second directory")
def zip_with_a_second_end_in_its_comment() -> bytes:
    body = raw_zip(Raw())
    hidden = end_record(0, 0, len(body) + 22)
    return raw_zip(Raw(), comment=hidden)


@refused("second directory")
def zip_with_a_signature_in_its_comment() -> bytes:
    return raw_zip(Raw(), comment=b"look: " + z.END_SIGNATURE + bytes(30))


@refused("another name in its own header")
def zip_with_another_name_in_a_local_header() -> bytes:
    return raw_zip(Raw(), Raw(b"innocent.tif", local={"name": b"../../../../"}))


@refused("other sizes")
def zip_with_other_sizes_in_a_local_header() -> bytes:
    return raw_zip(Raw(local={"size": 7, "compressed": 7}))


@refused("another CRC in its own header")
def zip_with_another_crc_in_a_local_header() -> bytes:
    return raw_zip(Raw(local={"crc": 1}))


@refused("packed differently")
def zip_with_another_method_in_a_local_header() -> bytes:
    return raw_zip(Raw(local={"method": z.DEFLATED}))


@refused("no header of")
def zip_with_a_missing_local_header() -> bytes:
    data = bytearray(raw_zip(Raw(), Raw(b"b")))
    data[data.rindex(z.LOCAL_SIGNATURE)] = 0
    return bytes(data)


# -- tar


def raw_tar(*infos: tarfile.TarInfo, data: bytes = b"", form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of these, each with ``data`` if it says that it has some."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info in infos:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def tar_member(name: str = "transfer.xml", kind: bytes = tarfile.REGTYPE, **fields: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def resized(data: bytes, raw_size: bytes, at: int = 0) -> bytes:
    """The tar with another size field, and a sum that fits it."""
    out = bytearray(data)
    out[at + 124 : at + 136] = raw_size
    out[at + 148 : at + 156] = b" " * 8
    out[at + 148 : at + 156] = b"%06o\0 " % sum(out[at : at + 512])
    return bytes(out)


@refused("compressed by gzip")
def tar_in_gzip() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        archive.addfile(tar_member())
    return out.getvalue()


@refused(r"component '\.\.'")
def tar_that_climbs() -> bytes:
    return raw_tar(tar_member("../x"))


@refused("absolute")
def tar_with_an_absolute_name() -> bytes:
    return raw_tar(tar_member("/etc/passwd"))


@refused("hard link")
def tar_with_a_hard_link_to_outside() -> bytes:
    return raw_tar(tar_member("x", tarfile.LNKTYPE, linkname="../../etc/passwd"))


@refused("symbolic link")
def tar_with_a_symbolic_link() -> bytes:
    return raw_tar(tar_member("x", tarfile.SYMTYPE, linkname="/"))


@refused("device")
def tar_with_a_device() -> bytes:
    return raw_tar(tar_member("x", tarfile.CHRTYPE, devmajor=1, devminor=3))


@refused("FIFO")
def tar_with_a_fifo() -> bytes:
    return raw_tar(tar_member("x", tarfile.FIFOTYPE))


@refused("sparse")
def tar_with_a_sparse_file() -> bytes:
    return raw_tar(tar_member("x", tarfile.GNUTYPE_SPARSE), form=tarfile.GNU_FORMAT)


@refused("sparse")
def tar_with_a_pax_sparse_file() -> bytes:
    fields = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "99999999999"}
    return raw_tar(tar_member("x", pax_headers=fields))


@refused("reaches beyond the end")
def tar_with_a_size_beyond_the_file() -> bytes:
    return resized(raw_tar(tar_member()), b"77777777777\0")


@refused("negative or absurd")
def tar_with_a_negative_size() -> bytes:
    return resized(raw_tar(tar_member()), b"\xff" * 11 + b"\x00")


@refused("negative or absurd")
def tar_with_a_size_of_95_bits() -> bytes:
    return resized(raw_tar(tar_member()), b"\x80" + b"\xff" * 11)


@refused("no number")
def tar_with_a_size_in_words() -> bytes:
    return resized(raw_tar(tar_member()), b"as you like\0")


@refused("no number")
def tar_with_a_negative_pax_size() -> bytes:
    return raw_tar(tar_member(pax_headers={"size": "-512"}))


@refused("extended header of")
def tar_with_a_huge_extended_header() -> bytes:
    return resized(raw_tar(tar_member("ä" * 200)), b"70000000000\0")


@refused("damaged extended header")
def tar_with_a_damaged_extended_header() -> bytes:
    data = raw_tar(tar_member("ä" * 100))
    return data.replace(b" path=", b" path-", 1)


@refused("one name or size")
def tar_that_names_all_members_alike() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", pax_headers={"path": "x"}) as archive:
        archive.addfile(tar_member())
    return out.getvalue()


@refused("ends without an end mark|no proper end")
def tar_cut_behind_a_member() -> bytes:
    return raw_tar(tar_member(size=6), data=b"<OME/>")[:1024]


@refused("reaches beyond")
def tar_cut_in_a_member() -> bytes:
    return raw_tar(tar_member(size=600), data=b"x" * 600)[:700]


@refused("something behind its end")
def tar_with_a_tar_behind_its_end() -> bytes:
    return raw_tar(tar_member()) + raw_tar(tar_member("hidden"))


@refused("no header at byte")
def tar_with_garbage_between_members() -> bytes:
    whole = raw_tar(tar_member(), tar_member("b"))
    return whole[:512] + b"garbage!" * 64 + whole[512:]


@refused("one name")
def tar_with_a_name_twice() -> bytes:
    return raw_tar(tar_member(), tar_member("./transfer.xml"))


@refused("folder and a file")
def tar_with_a_file_that_is_a_folder() -> bytes:
    return raw_tar(tar_member("a"), tar_member("a/", tarfile.DIRTYPE))


@refused("unknown kind")
def tar_with_an_unknown_kind() -> bytes:
    return raw_tar(tar_member("x", b"Z"))


# -- XML


DOCUMENTS: dict[str, tuple[bytes, str]] = {
    "external_entity": (
        b'<!DOCTYPE OME [<!ENTITY x SYSTEM "file:///etc/passwd">]><OME><Image>&x;</Image></OME>',
        "DOCTYPE",
    ),
    "parameter_entity": (
        b'<!DOCTYPE OME [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]><OME/>',
        "DOCTYPE",
    ),
    "billion_laughs": (
        b'<!DOCTYPE l [<!ENTITY a "ha">'
        + b"".join(b'<!ENTITY %c "%b">' % (99 + n, b"&%c;" % (98 + n if n else 97) * 10) for n in range(9))
        + b"]><OME>&k;</OME>",
        "DOCTYPE",
    ),
    "billion_laughs_in_an_attribute": (
        b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><OME x="&b;"/>',
        "DOCTYPE",
    ),
    "empty_doctype": (b"<!DOCTYPE OME><OME/>", "DOCTYPE"),
    "doctype_behind_a_comment": (
        b'<?xml version="1.0"?><!-- - --><?pi?>\n<!DOCTYPE OME []><OME/>',
        "DOCTYPE",
    ),
    "doctype_in_utf_16": ("<!DOCTYPE OME []><OME/>".encode("utf-16"), "DOCTYPE"),
    "undeclared_entity": (b"<OME><Image>&x;</Image></OME>", "not well-formed"),
    "unclosed": (b"<OME><Image/>", "not well-formed"),
    "two_roots": (b"<OME/><OME/>", "not well-formed"),
    "nothing": (b"", "not well-formed"),
    "no_xml": (b"PK\x03\x04", "not well-formed"),
    "deep": (b"<Image>" * 5000 + b"</Image>" * 5000, "not well-formed"),
    "text_without_end": (b"<OME><Image>" + b"x" * 11_000_000 + b"</Image></OME>", "not well-formed"),
    "nul": (b"<OME><Image>\0</Image></OME>", "not well-formed"),
}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, (builder, _) in ARCHIVES.items():
        (folder / f"{name}{'.zip' if name.startswith('zip') else '.tar'}").write_bytes(builder())
    for name, (document, _) in DOCUMENTS.items():
        (folder / f"{name}.xml").write_bytes(document)
