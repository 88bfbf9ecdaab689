"""The packet: its layout, members and checks, without any network (docs/packet-format.md)."""
