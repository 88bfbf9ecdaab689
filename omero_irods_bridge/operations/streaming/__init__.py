"""Moving bytes from many readers through ordered digests to many writers, in bounded memory.

Readers fetch pieces in parallel and hand them over in order (:mod:`fetching`), digests see every byte in
order (:mod:`digests`), writers put pieces at their offsets in any order (:mod:`workers`). A budget of bytes
(:mod:`budget`) ties the ends together: a piece that is fetched occupies it until it is written.
"""
