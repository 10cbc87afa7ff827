"""What the doctor finds, and what it leaves alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from track_middleware import doctor, facts
from track_middleware.delivery import handover
from track_middleware.delivery.store import NewRow, sqlite
from track_middleware.destinations import registry
from track_middleware.doctor.folder import location
from track_middleware.reading import load
from track_middleware.settings import Settings
from track_middleware.wiring import build

SECRET = "long enough to be a secret"


def settings(data_dir: Path, **more: Any) -> Settings:
    given = {"data_dir": str(data_dir), "secret_key": SECRET, "min_free": "1", **more}
    return load(given, {})


def ids(data_dir: Path, **more: Any) -> dict[str, str]:
    return {each.id: each.level for each in doctor.examined(settings(data_dir, **more), data_dir)}


def test_a_sound_set_up_has_no_findings(tmp_path: Path) -> None:
    assert ids(tmp_path, destinations=[f"jsonl://{tmp_path}/out.jsonl"]) == {}


def test_a_missing_secret_is_worth_a_note(tmp_path: Path) -> None:
    assert ids(tmp_path, secret_key="")["secret"] == "note"


def test_a_short_secret_is_an_error(tmp_path: Path) -> None:
    assert ids(tmp_path, secret_key="abc")["secret"] == "error"


def test_djangos_insecure_secret_is_a_warning_in_production(tmp_path: Path) -> None:
    assert ids(tmp_path, secret_key="django-insecure-" + SECRET)["secret"] == "warning"
    assert "secret" not in ids(tmp_path, secret_key="django-insecure-" + SECRET, debug=True)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert ids(tmp_path / "file" / "data")["folder"] == "error"


def test_a_spool_that_cannot_be_written_is_an_error_as_well(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    assert "folder" not in ids(tmp_path)
    (tmp_path / "spool").rmdir()
    (tmp_path / "spool").write_text("")
    assert ids(tmp_path)["folder"] == "error"


def test_a_folder_that_can_still_be_made_is_none(tmp_path: Path) -> None:
    assert "folder" not in ids(tmp_path / "to" / "be" / "made")


MOUNTS = """\
21 1 0:19 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/a
22 21 8:1 / /srv/data rw shared:2 - ext4 /dev/sda1 rw
23 21 0:20 / /srv/data/quick rw - tmpfs tmpfs rw
24 21 8:2 / /with\\040space rw - xfs /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/app/.track", "overlay"),
        ("/srv/data/track", "ext4"),
        ("/srv/data", "ext4"),
        ("/srv/database", "overlay"),
        ("/srv/data/quick/track", "tmpfs"),
        ("/with space/track", "xfs"),
    ],
)
def test_the_file_system_is_that_of_the_longest_mount_point(place: str, kind: str) -> None:
    assert doctor.file_system(Path(place), MOUNTS) == kind


def test_no_mount_table_is_no_finding() -> None:
    assert doctor.file_system(Path("/srv"), "") == ""


@pytest.mark.needs("tmpfs")
def test_a_throw_away_layer_is_a_warning() -> None:
    assert ids(Path("/dev/shm/track-doctor"))["layer"] == "warning"


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_network_file_system_is_an_error(tmp_path: Path, kind: str) -> None:
    mounts = f"{MOUNTS}25 21 0:9 / {tmp_path} rw - {kind} server:/share rw\n"
    (found,) = location(settings(tmp_path), tmp_path, mounts=mounts)
    assert (found.id, found.level) == ("network", "error")
    assert kind in found.message


def test_a_disk_that_is_nearly_full_is_a_warning(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    there = disk.f_bavail * disk.f_frsize
    assert ids(tmp_path, min_free=str(there * 2 // 3))["disk"] == "warning"
    assert "disk" not in ids(tmp_path, min_free=str(there // 3))


def test_too_little_room_is_an_error(tmp_path: Path) -> None:
    assert ids(tmp_path, min_free="100%")["disk"] == "error"


def test_a_wrong_destination_is_an_error_without_its_key(tmp_path: Path) -> None:
    given = settings(tmp_path, destinations=["amplitud://SECRETKEY"])
    (found,) = [each for each in doctor.examined(given, tmp_path) if each.id == "destinations"]
    assert found.level == "error"
    assert "amplitud" in found.message
    assert "SECRETKEY" not in found.message


def test_no_destination_is_a_note(tmp_path: Path) -> None:
    assert ids(tmp_path)["destinations"] == "note"


def test_apps_whose_path_is_not_pinned_are_a_warning(tmp_path: Path) -> None:
    keys = {"a": "ios", "b": "server"}
    assert ids(tmp_path, write_keys=keys)["path"] == "warning"
    assert "path" not in ids(tmp_path, write_keys=keys, path="tm")
    assert "path" not in ids(tmp_path, write_keys={"b": "server"})


def test_linked_hosts_without_a_common_secret_are_an_error(tmp_path: Path) -> None:
    linked = {"linked_domains": ["blog.example"]}
    assert "linked" not in ids(tmp_path, **linked)
    assert ids(tmp_path, secret_key="", **linked)["linked"] == "error"
    (tmp_path / "secret").write_text("made by the folder itself")
    made = ids(tmp_path, secret_key="made by the folder itself", **linked)
    assert made["linked"] == "error"


def test_a_bridge_to_a_vendor_that_is_no_destination_is_a_warning(tmp_path: Path) -> None:
    there = {"destinations": ["heap://APP"]}
    assert ids(tmp_path, bridge=["posthog"], **there)["bridge"] == "warning"
    assert "bridge" not in ids(tmp_path, bridge=["heap", "segment"], **there)


def test_opt_in_is_a_warning_also_with_a_banner_that_nobody_reads_yet(tmp_path: Path) -> None:
    assert ids(tmp_path, consent="opt_in")["consent"] == "warning"
    assert ids(tmp_path, consent="opt_in", banners=["onetrust"])["consent"] == "warning"
    assert "consent" not in ids(tmp_path)


def test_opt_in_is_sound_once_somebody_has_granted_it(tmp_path: Path) -> None:
    store = sqlite.open(tmp_path / "events.db")
    store.intake.tally({("2026-05-04", "page.bot"): 1}, {})
    assert ids(tmp_path, consent="opt_in")["consent"] == "warning"
    store.intake.tally({("2026-05-04", "page.human"): 1}, {})
    store.close()
    assert "consent" not in ids(tmp_path, consent="opt_in")


def test_what_can_be_mended_is_said_with_how(tmp_path: Path) -> None:
    (found,) = [
        each
        for each in doctor.examined(settings(tmp_path, secret_key="abc"), tmp_path)
        if each.id == "secret"
    ]
    assert "set secret_key" in found.fix
    assert "abc" not in found.fix + found.message


def test_counting_without_cookies_where_nobody_has_to_choose_is_a_warning(tmp_path: Path) -> None:
    assert ids(tmp_path, cookieless=True)["cookieless"] == "warning"
    assert "cookieless" not in ids(tmp_path, cookieless=True, consent="opt_in")


def test_a_setting_that_nothing_acts_on_yet_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "geo_file"
    monkeypatch.setattr("track_middleware.settings.RESERVED", (name,))
    said = settings(tmp_path, geo_file="countries.mmdb")
    (found,) = [each for each in doctor.examined(said, tmp_path) if each.id == "reserved"]
    assert (found.level, found.message.startswith(f"{name} ")) == ("warning", True)


def test_consent_that_let_nothing_through_is_a_warning(tmp_path: Path) -> None:
    wiring = build({"data_dir": str(tmp_path), "secret_key": SECRET})
    wiring.counters.add("consent", 12)
    assert ids(tmp_path)["consent"] == "warning"


def test_switched_off_is_a_warning(tmp_path: Path) -> None:
    assert ids(tmp_path, enabled=False)["enabled"] == "warning"


def test_events_that_nobody_drains_are_an_error_unless_inline(tmp_path: Path) -> None:
    waiting(tmp_path)
    assert ids(tmp_path)["worker"] == "error"
    assert "worker" not in ids(tmp_path, deliver="inline")


def waiting(data_dir: Path) -> None:
    given = {"deliver": "worker", "min_free": "1", "data_dir": str(data_dir)}
    wiring = build({**given, "secret_key": SECRET})
    wiring.tracker.track("Waiting", {}, user_id="1")
    wiring.spool.close()


def test_a_paused_and_a_late_destination_are_findings(tmp_path: Path) -> None:
    urls = [f"jsonl://{tmp_path}/{name}?name={name}" for name in ("late", "paused")]
    store = sqlite.open(tmp_path / "events.db")
    jobs = [store.job(name) for name in ("late", "paused")]
    store.append([NewRow("e1", "v", 5.0, "track", "Order", b"{}")])
    store.pause(jobs[1], None, "no answer")
    found = ids(tmp_path, destinations=urls)
    assert (found["lag"], found["paused"]) == ("warning", "warning")
    store.pause(jobs[1], None, "wrong key", needs_you=True)
    store.close()
    assert ids(tmp_path, destinations=urls)["paused"] == "error"


def test_a_strangers_segment_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "v9-later.open").write_text("")
    assert ids(tmp_path)["spool"] == "warning"


def test_a_store_of_another_engine_is_an_error(tmp_path: Path) -> None:
    assert ids(tmp_path, store="oracle:///x")["store"] == "error"


def test_a_damaged_store_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_text("this is no database at all" * 100)
    assert ids(tmp_path)["store"] == "error"


def test_looking_changes_nothing(tmp_path: Path) -> None:
    waiting(tmp_path)
    before = sorted(os.listdir(tmp_path))
    doctor.examined(settings(tmp_path), tmp_path)
    assert sorted(os.listdir(tmp_path)) == before


def test_an_outbox_that_no_face_keeps_is_a_warning(data_dir: Path) -> None:
    settings = load({"data_dir": str(data_dir), "outbox": True}, {})
    assert "outbox" not in {each.id for each in doctor.examined(settings, data_dir)}
    handover.write(settings, data_dir)
    assert "outbox" in {each.id for each in doctor.examined(settings, data_dir)}
    handover.write(settings, data_dir, handover.Origin("package.module.source"))
    assert "outbox" not in {each.id for each in doctor.examined(settings, data_dir)}


def test_events_of_a_destination_that_was_taken_out_are_told(tmp_path: Path) -> None:
    store = sqlite.open(tmp_path / "events.db")
    store.claims.take(registry.routes(["heap://A", "heap://B"]))
    store.append([NewRow("e1", "v", 5.0, "track", "Order", b"{}")])
    store.claims.take(registry.routes(["heap://B"]))
    store.close()
    given = settings(tmp_path, destinations=["heap://B"])
    (found,) = [each for each in doctor.examined(given, tmp_path) if each.id == "former"]
    assert "1 events wait for heap-" in found.message
    (name,) = [each["name"] for each in facts.state(given, tmp_path)["destinations"]]
    assert name == "heap"
    assert "former" not in ids(tmp_path, destinations=["heap://A", "heap://B"])


def test_a_face_that_keeps_an_outbox_is_not_told_that_it_has_none(data_dir: Path) -> None:
    """What stands in settings.json may be older than the app's own setting."""
    given = load({"data_dir": str(data_dir), "outbox": True}, {})
    handover.write(given, data_dir)
    mine = handover.Origin("package.module.source")
    found = doctor.examined(given, data_dir, outbox=mine)
    assert "outbox" not in {each.id for each in found}
    found = doctor.examined(given, data_dir, outbox=handover.NO_OUTBOX)
    assert "outbox" in {each.id for each in found}


def test_a_file_that_cannot_be_is_told_before_the_first_event(tmp_path: Path) -> None:
    assert ids(tmp_path, destinations=[f"jsonl://{tmp_path}"])["file"] == "error"
    assert ids(tmp_path, destinations=[f"jsonl://{tmp_path}/no/out.jsonl"])["file"] == "error"
    assert "file" not in ids(tmp_path, destinations=[f"jsonl://{tmp_path}/out.jsonl"])


def test_a_destination_that_only_the_plan_knows_is_told(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text('{"events": {"Paid": {"destinations": ["amplitud"]}}}')
    made = settings(tmp_path, plan=str(file), destinations=["amplitude://K"])
    (found,) = [each for each in doctor.examined(made, tmp_path) if each.id == "plan"]
    assert found.level == "warning"
    assert found.message == "'Paid' names the destination 'amplitud'; there are: amplitude"
    file.write_text("{")
    assert ids(tmp_path, plan=str(file))["plan"] == "error"
