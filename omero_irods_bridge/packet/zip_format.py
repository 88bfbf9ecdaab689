"""The records of a zip file and their limits (PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5)."""

from __future__ import annotations

import struct
from typing import Final

LOCAL: Final = struct.Struct("<4s5H3L2H")
"""signature, version, flags, method, time, date, crc, compressed size, size, lengths of name and extra"""
CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
"""signature, made by, version, flags, method, time, date, crc, compressed size, size, lengths of name, extra
and comment, disk, internal and external attributes, offset of the local header"""
DESCRIPTOR: Final = struct.Struct("<4s3L")
"""signature, crc, compressed size, size"""
DESCRIPTOR64: Final = struct.Struct("<4sL2Q")
END: Final = struct.Struct("<4s4H2LH")
"""signature, this disk, disk of the directory, entries here, entries, directory size and offset, comment
length"""
END64: Final = struct.Struct("<4sQ2H2L4Q")
"""signature, size of the rest, made by, version, this disk, disk of the directory, entries here, entries,
directory size and offset"""
LOCATOR: Final = struct.Struct("<4sLQL")
"""signature, disk of the zip64 end record, its offset, number of disks"""
EXTRA: Final = struct.Struct("<2H")
"""tag and length of an extra field"""

LOCAL_SIGNATURE: Final = b"PK\x03\x04"
CENTRAL_SIGNATURE: Final = b"PK\x01\x02"
DESCRIPTOR_SIGNATURE: Final = b"PK\x07\x08"
END_SIGNATURE: Final = b"PK\x05\x06"
END64_SIGNATURE: Final = b"PK\x06\x06"
LOCATOR_SIGNATURE: Final = b"PK\x06\x07"

STORED: Final = 0
DEFLATED: Final = 8

FLAG_ENCRYPTED: Final = 1 << 0
FLAG_DESCRIPTOR: Final = 1 << 3
FLAG_PATCH: Final = 1 << 5
FLAG_STRONG_ENCRYPTION: Final = 1 << 6
FLAG_UTF8: Final = 1 << 11
FLAG_MASKED: Final = 1 << 13

VERSION: Final = 20
"""Needed to extract: deflate and folders."""
VERSION64: Final = 45
"""Needed to extract: zip64."""
MADE_BY_UNIX: Final = 3 << 8

ZIP64_TAG: Final = 0x0001
UNICODE_PATH_TAG: Final = 0x7075

FULL16: Final = 0xFFFF
FULL32: Final = 0xFFFFFFFF
"""A field of this value says: look into the zip64 record."""
COMMENT_BYTES: Final = 0xFFFF
