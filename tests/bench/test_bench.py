"""The benchmark works; how fast anything is, is not tested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(800)
def test_every_section_measures_and_compares(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    command = [
        sys.executable,
        "-m",
        "tests.bench",
        "--quick",
        "--json",
        str(results),
        "--folder",
        str(tmp_path),
    ]
    repository = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=780, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(results.read_text())
    transfers = {one["what"]: one for one in found["transfer"]}
    assert {"copy", "put, plain, parallel", "get, TLS, one stream"} <= transfers.keys()
    assert {"put, client alone, parallel", "get, client alone, parallel"} <= transfers.keys()
    assert len(transfers) == 13
    assert all(one["value"] > 0 and one["ratio"] > 0 for one in transfers.values())
    assert transfers["copy"]["ratio"] == 1.0
    assert {(one["what"], one["case"]) for one in found["rates"]} >= {
        ("AVU adds", "plain"),
        ("queries by AVU", "TLS"),
    }
    files = {(one["what"], one["case"]) for one in found["omero-files"]}
    assert len(files) == 27
    assert ("read, TLS, four streams", "8 MiB") in files
    assert [one["what"] for one in found["omero-rates"]][-1] == "listing of 100 images"
    assert {one["what"] for one in found["omero-start"]} == {"start", "memory at rest"}
    packs = {(one["what"], one["case"]): one["value"] for one in found.pop("pack")}
    assert packs["(e) omero-irods pack", "3 x 1 MiB"] > 0
    assert packs["(e) omero-irods pack: scratch", "3 x 1 MiB"] == 0
    assert packs["(a) stock pack to zip, put, checksum: scratch", "3 x 1 MiB"] > 3
    assert {one["case"] for one in found["pack-plate"]} == {"4 images", "8 images"}
    assert {"first page", "by name", "by date"} <= {one["what"] for one in found["snapshots"]}
    loads = {(one["what"], one["case"]): one["value"] for one in found.pop("unpack")}
    assert loads["(b) omero-irods unpack", "3 x 1 MiB"] > 0
    assert loads["(b) omero-irods unpack: scratch", "3 x 1 MiB"] == 0
    assert loads["(b) omero-irods unpack: calls of OMERO", "3 x 1 MiB"] > 3
    assert loads["(a) get, stock unpack: calls of OMERO", "3 x 1 MiB"] > 3
    assert loads["(c) --in-place: scratch", "3 x 1 MiB"] == 0
    assert loads["(a) get, stock unpack: scratch", "3 x 1 MiB"] > 3
    assert {one["case"] for one in found["unpack-growth"]} == {"10 images", "20 images"}
    assert {"submitted", "done", "page of 50, failed"} <= {one["what"] for one in found["agent"]}
    assert {one["case"] for one in found["agent"]} == {"SQLite", "PostgreSQL"}
    assert [one["what"] for one in found["agent-pack"]][-1] == "omero-irods pack --agent --wait"
    ingests = {one["what"] for one in found["ingest"]}
    assert {"omero-irods ingest scan", "omero import --transfer=ln_s, a call a file"} <= ingests
    assert len({one["case"] for one in found["ingest-put"]}) == 3
    assert {one["case"] for one in found["ingest-growth"]} == {"2 files", "4 files"}
    assert {one["case"] for one in found["ingest-plan"]} == {"20 new", "20 in OMERO"}
    assert all(one["value"] > 0 for measured in found.values() for one in measured)
    assert "put, plain, parallel" in done.stdout
