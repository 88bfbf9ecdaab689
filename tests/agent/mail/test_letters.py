"""What mails say."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_irods_bridge.agent.mail.letters import Letter, Letters
from omero_irods_bridge.agent.mail.messages import build
from omero_irods_bridge.agent.mail.news import News
from omero_irods_bridge.agent.mail.telling import tell
from omero_irods_bridge.agent.store.endings import ADMINS
from omero_irods_bridge.model.errors import NotFound, UsageError
from omero_irods_bridge.model.jobs import (
    GcWork,
    Job,
    JobError,
    JobSpec,
    JobState,
    PackWork,
    UnpackWork,
    VerifyWork,
    Work,
)
from omero_irods_bridge.model.objects import ObjectRef, parse_objects

URL = "https://agent.example.org"
PLACE = "/zone/home/ada/x.zip"
RESULT = {
    "path": PLACE,
    "bytes": 3_400_000_000,
    "images": 12,
    "files": 40,
    "members_checked": 9,
    "removed": 2,
}
PACK = PackWork((parse_objects(["Dataset:51"])[0],))


def job(work: Work = PACK, state: JobState = JobState.DONE, **more: object) -> Job:
    made = Job(42, "uuid", JobSpec(work, "ada", "r"), state, created_at=0, finished_at=1e9, result=RESULT)
    return replace(made, **more)  # type: ignore[arg-type]


def failed(message: str = "OMERO does not answer.", hint: str = "Start it.") -> Job:
    return job(state=JobState.FAILED, error=JobError("unreachable", message, hint), result=None)


def news(*jobs: Job, more: int = 0, is_digest: bool = False) -> News:
    counts = {state: sum(one.state is state for one in jobs) for state in JobState}
    counts[JobState.DONE] += more
    return News({state: n for state, n in counts.items() if n}, jobs, 1e9, is_digest)


@pytest.fixture(scope="module")
def letters() -> Letters:
    return Letters(URL)


def both(letter: Letter, *texts: str) -> None:
    """That plain text and HTML say it."""
    for text in texts:
        assert text in letter.text
        assert text in letter.html


def test_a_user_reads_what_was_saved_and_where_it_is(letters: Letters) -> None:
    letter = letters.write(news(job()), "ada")
    assert letter.subject == "Save to iRODS, done: Dataset:51"
    both(letter, "Hello ada", "12 images in 40 files, 3.4 GB", PLACE, f"{URL}/jobs/42")


def test_a_user_reads_what_failed_and_what_to_do(letters: Letters) -> None:
    letter = letters.write(news(failed()), "ada")
    assert letter.subject == "Save to iRODS, failed: Dataset:51"
    both(letter, "OMERO does not answer.", "Start it.", f"{URL}/jobs/42")


def test_a_failure_without_a_remedy_has_one_in_the_mail(letters: Letters) -> None:
    both(letters.write(news(failed(hint="")), "ada"), "have it tried again")


@pytest.mark.parametrize(
    ("work", "says"),
    [
        (UnpackWork("/zone/x.zip"), "12 images loaded into OMERO"),
        (VerifyWork("/zone/x.zip"), "9 files as packed"),
        (GcWork(), "2 leftovers removed"),
    ],
)
def test_each_kind_of_job_says_what_was_done(letters: Letters, work: Work, says: str) -> None:
    both(letters.write(news(job(work)), "ada"), says)


def test_a_batch_has_its_counts_and_does_not_list_without_end(letters: Letters) -> None:
    letter = letters.write(news(failed(), job(), more=100), "ada")
    assert letter.subject == "1 of 102 jobs failed"
    both(letter, "102 jobs: 101 done, 1 failed", "100 more jobs")


def test_administrators_read_of_whom_and_how_many_more(letters: Letters) -> None:
    letter = letters.write(news(failed(), failed(), is_digest=True), ADMINS)
    assert letter.subject == "2 more failures since 2001-09-09 01:46 UTC"
    both(
        letter,
        "2 more failures since",
        "OMERO does not answer.",
        "Start it.",
        " of ada, 2001-09-09",
    )


evil = st.text(st.characters(codec="utf-8"), max_size=40).map(
    lambda text: f"{text}\r\nBcc: eve@example.org\r\n\r\n<b>"
)


@given(evil, evil, evil)
@settings(max_examples=50, deadline=None)
def test_no_name_or_text_makes_a_header_a_line_or_markup(
    letters: Letters, name: str, message: str, path: str
) -> None:
    one = failed(message, name)
    two = job(result={**RESULT, "path": path})
    for recipient in (name, ADMINS):
        letter = letters.write(news(one, two), recipient)
        made = build(letter, name="m", sender="b@example.org", recipients=["ada@example.org"], at=0.0)
        assert sorted(made.keys()) == sorted(
            ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
             "MIME-Version", "Content-Type"]
        )  # fmt: skip
        assert not [line for line in letter.text.splitlines() if line.startswith("Bcc")]
        assert "<b>" not in letter.html
        assert bytes(made).isascii()
        assert message_from_bytes(bytes(made)).keys() == made.keys()


def test_a_message_is_known_to_be_of_a_program_and_has_both_forms(letters: Letters) -> None:
    letter = letters.write(news(job()), "ada")
    made = build(
        letter, name="uuid.1.user", sender="b@example.org", recipients=["a@x.org", "b@x.org"], at=0.0
    )
    assert made["Auto-Submitted"] == "auto-generated"
    assert made["Message-ID"] == "<uuid.1.user@example.org>"
    assert made["To"] == "a@x.org, b@x.org"
    assert [part.get_content_type() for part in made.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


def test_a_site_replaces_one_template_and_keeps_the_others(tmp_path: Path) -> None:
    (tmp_path / "user.subject").write_text("[facility] {{ total | count('job') }} for\n{{ name }}")
    letter = Letters(URL, tmp_path).write(news(job()), "ada")
    assert letter.subject == "[facility] 1 job for ada"
    assert "Hello ada" in letter.text


@pytest.mark.parametrize("text", ["{{ nobody }}", "{% if %}", "{{ name.__class__.__mro__ }}", "{{ 1 / 0 }}"])
def test_a_template_that_is_wrong_ends_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "admins.txt").write_text(text)
    with pytest.raises(UsageError, match=r"admins\.txt"):
        Letters(URL, tmp_path)


def test_a_folder_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Letters(URL, tmp_path / "none")


def test_a_long_text_is_cut(letters: Letters) -> None:
    told = tell(failed("x" * 5000), URL)
    assert len(told.problem) == 1000
    objects = tuple(ObjectRef(one.kind, one.id) for one in parse_objects(["Dataset:1-9"]))
    assert tell(job(PackWork(objects)), URL).title == "Dataset:1, Dataset:2, Dataset:3 and 6 more"
