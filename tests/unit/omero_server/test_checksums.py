from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_sandbox.omero_server.storage.checksums import ALGORITHMS, checksum, checksum_of, is_known

# Published in the tests of ome.util.checksum in omero-common, which any OMERO client computes too.
OF_ABC = {
    "SHA1-160": "a9993e364706816aba3e25717850c26c9cd0d89d",
    "MD5-128": "900150983cd24fb0d6963f7d28e17f72",
    "Murmur3-128": "6778ad3f3f3f96b4522dca264174a23b",
    "Murmur3-32": "fa93ddb3",
    "CRC-32": "c2412435",
    "Adler-32": "27014d02",
    "File-Size-64": "0300000000000000",
}
OF_NOTHING = {
    "SHA1-160": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "MD5-128": "d41d8cd98f00b204e9800998ecf8427e",
    "Murmur3-128": "00000000000000000000000000000000",
    "Murmur3-32": "00000000",
    "CRC-32": "00000000",
    "Adler-32": "01000000",
    "File-Size-64": "0000000000000000",
}


def test_the_algorithms_are_offered_in_the_order_of_a_real_server() -> None:
    assert ALGORITHMS == (
        "SHA1-160", "MD5-128", "Murmur3-128", "Murmur3-32", "CRC-32", "Adler-32", "File-Size-64",
    )  # fmt: skip


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_checksums_are_those_of_guava_in_its_byte_order(algorithm: str, tmp_path: Path) -> None:
    for content, expected in ((b"abc", OF_ABC), (b"", OF_NOTHING)):
        path = tmp_path / "file"
        path.write_bytes(content)
        assert checksum(path, algorithm) == expected[algorithm]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(blocks=st.lists(st.binary(max_size=40), max_size=6))
def test_a_checksum_does_not_depend_on_how_the_bytes_are_cut(algorithm: str, blocks: list[bytes]) -> None:
    assert checksum_of(blocks, algorithm) == checksum_of([b"".join(blocks)], algorithm)


def test_a_file_of_several_blocks_is_read_to_its_end(tmp_path: Path) -> None:
    content = b"0123456789" * 300_000
    path = tmp_path / "file"
    path.write_bytes(content)
    assert checksum(path, "SHA1-160") == hashlib.sha1(content).hexdigest()


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert {name: checksum(tmp_path / "link", name) for name in ALGORITHMS} == OF_ABC


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_not_there_has_no_checksum(algorithm: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        checksum(tmp_path / "absent", algorithm)


def test_only_algorithms_that_are_offered_are_known() -> None:
    assert is_known("CRC-32")
    assert not is_known("SHA2-256")
