"""Carbon pages: what the chain froze, what the owner entered, and files that recompute."""

from __future__ import annotations

import csv
import json
import re
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from pypdf import PdfReader

from chargecoin.footprint.check import Recomputed, recompute
from chargecoin.footprint.document import COLUMNS
from chargecoin.footprint.files import read
from dashboard.carbon import MAX_MONTHS
from dashboard.services import Services
from indexer.read_model import SessionFilter
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.people import sign_in
from tests.dashboard.serving import text_of
from tests.dashboard.world import ACCOUNT, Made, at

INPUTS = "/owners/1/carbon/inputs"
TABLES = "/owners/1/carbon/tables"
CERTIFICATES = "/owners/1/carbon/certificates"
FACTORS = "zone,period,gco2e_per_kwh,renewable_pct\r\nGB,2026,150.5,61\r\n"
REGO = {
    "kind": "certificate",
    "reference": "REGO 0001 to 0500",
    "zone": "GB",
    "site": "",
    "since": "2026-01",
    "until": "2026-12",
    "kwh": "500",
    "gco2e_per_kwh": "",
    "renewable": "yes",
}


async def enter(pages: httpx.AsyncClient, kind: str, lines: str, source: str = "a source") -> None:
    """Import a table as the owner's people do."""
    data = {"kind": kind, "source": source, "licence": "OGL v3.0", "published": "", "csv": lines}
    answer = await pages.post(TABLES, data=data)
    assert answer.status_code == 303, answer.text


async def everything(pages: httpx.AsyncClient) -> None:
    """Enter something of each kind."""
    await sign_in(pages, "station_owner")
    await enter(pages, "location", FACTORS, "Government factors 2026")
    hours = "".join(f"1,2026-11-20T{hour:02}:00Z,1.5\n" for hour in range(24))
    await enter(pages, "solar", f"site,period,kwh\n{hours}2,2026-11,40\n")
    await enter(pages, "residual", "zone,period,gco2e_per_kwh\nGB,2025,365.123\n")
    await enter(pages, "metered", "site,period,kwh\n1,2026-11,9000\n2,2026-11,9000.5\n")
    assert (await pages.post(CERTIFICATES, data=REGO)).status_code == 303


async def file_of(pages: httpx.AsyncClient, path: str, folder: Path) -> Path:
    """Take a file away and keep it."""
    answer = await pages.get(path)
    assert answer.status_code == 200, answer.text
    kept = folder / f"report.{path.partition('?')[0].rpartition('.')[2]}"
    kept.write_bytes(answer.content)
    return kept


async def checked(pages: httpx.AsyncClient, path: str, folder: Path) -> Recomputed:
    """Take a report away, recompute it and expect that it holds."""
    found = recompute(read(await file_of(pages, path, folder)))
    assert found.faults == []
    return found


async def test_without_anything_entered_the_page_says_what_the_chain_froze(
    pages: httpx.AsyncClient, has: Services, busy_town: Town, tmp_path: Path
) -> None:
    november = date(2026, 11, 1), date(2026, 11, 30)
    frozen = has.model.totals(1, *november).co2
    found = await checked(pages, "/owners/1/carbon.csv", tmp_path)
    sums = found.account.sums()
    assert sum(one.energy_wh for one in sums.values()) == frozen.energy_wh
    assert sum(one.frozen_g for one in sums.values()) == frozen.emitted_g
    assert sum(one.frozen_avoided_g for one in sums.values()) == frozen.avoided_g
    text = text_of((await pages.get("/owners/1/carbon")).text)
    assert "private to their people" in text
    assert "It adds up exactly" in text
    assert "chargecoin verify report carbon.csv" in text


async def test_what_was_entered_restates_the_figures_for_the_owners_people_alone(
    pages: httpx.AsyncClient, has: Services, busy_town: Town, tmp_path: Path
) -> None:
    public = await checked(pages, "/owners/1/carbon.csv", tmp_path)
    await everything(pages)
    found = await checked(pages, "/owners/1/carbon.csv", tmp_path)
    [harbour, station] = found.account.sums().values()
    for one in (harbour, station):
        assert one.adds_up
        assert 0 < one.solar_wh < one.energy_wh
        assert one.location_g <= (one.energy_wh - one.solar_wh) * 150.5 / 1000
        assert one.difference_g < 0
    assert station.solar_wh <= 40_000
    [used] = found.account.method.allocation.used
    assert used.used <= 500_000
    [first, second] = found.account.losses()
    assert first.metered_wh == 9_000_000
    assert second.metered_wh == 9_000_500
    assert {one.id for one in found.account.inputs.tables} == {0, 1, 2, 3, 4}
    text = text_of((await pages.get("/owners/1/carbon")).text)
    assert "Government factors 2026" in text
    assert "REGO 0001 to 0500" in text
    assert "Provisional" in text
    assert "Charging losses" in text
    # Nobody else sees any of it, in any form.
    await pages.post("/sign-out")
    again = await checked(pages, "/owners/1/carbon.csv", tmp_path)
    assert again.digest == public.digest
    assert "REGO" not in (await pages.get("/owners/1/carbon")).text


async def test_all_files_of_a_report_are_the_same_report(
    pages: httpx.AsyncClient, busy_town: Town, tmp_path: Path
) -> None:
    await everything(pages)
    query = "?since=2026-10&until=2026-11&site=1"
    digests = {
        (await checked(pages, f"/owners/1/carbon.{form}{query}", tmp_path)).digest
        for form in ("csv", "json", "xlsx")
    }
    assert len(digests) == 1
    kept = await file_of(pages, f"/owners/1/carbon.pdf{query}", tmp_path)
    read_back = "".join(page.extract_text() for page in PdfReader(kept).pages)
    assert digests.pop() in read_back.replace("\n", "")
    assert "Charging losses" in read_back
    answer = await pages.get(f"/owners/1/carbon.xlsx{query}")
    name = 'filename="carbon-1-2026-10-2026-11.xlsx"'
    assert name in answer.headers["content-disposition"]


@pytest.mark.parametrize("form", ["csv", "json", "xlsx"])
async def test_a_changed_cell_of_any_file_is_found(
    pages: httpx.AsyncClient, busy_town: Town, tmp_path: Path, form: str
) -> None:
    kept = await file_of(pages, f"/owners/1/carbon.{form}", tmp_path)
    if form == "xlsx":
        import openpyxl  # noqa: PLC0415 -- as a spreadsheet program would save it again

        book = openpyxl.load_workbook(kept)
        book.save(kept)
        assert recompute(read(kept)).faults == []
        sheet = book["Sessions"]
        column = COLUMNS.index("location_g") + 1
        sheet.cell(5, column).value = 1
        book.save(kept)
    else:
        text = kept.read_text()
        found = recompute(read(kept))
        first = next(iter(found.sessions.values()))
        word = f"0x{first.anchor.word:064x}"
        assert word in text
        kept.write_text(text.replace(word, word[:-8] + "00080000"))
    faults = recompute(read(kept)).faults
    assert faults[0].where.startswith("session ")
    assert faults[-1].where == "digest"


async def test_filters_stand_in_the_address_and_never_give_more_together(
    pages: httpx.AsyncClient, has: Services, busy_town: Town, tmp_path: Path
) -> None:
    await everything(pages)
    whole = await checked(pages, "/owners/1/carbon.csv", tmp_path)
    parts = []
    for power in ("AC", "DC"):
        found = await checked(pages, f"/owners/1/carbon.csv?power={power}", tmp_path)
        assert {one.power_type for one in found.sessions.values()} == {power}
        parts.append(found)
    assert sum(len(one.sessions) for one in parts) == len(whole.sessions)
    for name in ("energy_wh", "solar_wh", "certificate_wh", "location_g", "market_g"):
        together = [getattr(one, name) for part in parts for one in part.account.sums().values()]
        assert sum(together) == sum(getattr(one, name) for one in whole.account.sums().values())
    assert parts[0].account.losses() == ()
    html = (await pages.get("/owners/1/carbon?power=DC&site=2")).text
    assert "<option selected>DC</option>" in html
    none = await checked(pages, "/owners/1/carbon.json?standard=NACS", tmp_path)
    assert none.sessions == {}
    assert "No session matches" in text_of((await pages.get("/owners/1/carbon?standard=NACS")).text)


REFUSED_ADDRESSES = (
    ("since=2026-12&until=2026-11", "the months go from since to until"),
    ("since=2020-01&until=2026-11", f"{MAX_MONTHS} at most"),
    ("since=yesterday", "since is a month such as 2026-11"),
    ("power=XX", "power is one of AC, DC"),
    ("standard=XX", "standard is one of"),
    ("site=3", "has no site 3"),
    ("site=x", "site is a whole number"),
)


async def test_an_address_that_cannot_be_says_why(pages: httpx.AsyncClient, town: Town) -> None:
    for query, words in REFUSED_ADDRESSES:
        answer = await pages.get(f"/owners/1/carbon?{query}")
        assert answer.status_code == 400
        assert words in text_of(answer.text)


async def test_the_list_of_sessions_continues(
    pages: httpx.AsyncClient, has: Services, busy_town: Town
) -> None:
    wanted = SessionFilter(owner_id=1, since=date(2026, 11, 1), until=date(2026, 11, 30))
    count = has.model.session_totals(wanted).sessions
    seen: list[str] = []
    address = "/owners/1/carbon"
    while address:
        html = (await pages.get(address)).text
        listed = html.split('data-part="sessions"')[1].split("</section>")[0]
        seen += re.findall(r'href="/sessions/([0-9/]+)"', listed)
        [address] = re.findall(r'rel="next" href="([^"#]+)', listed) or [""]
        address = unescape(address)
    assert len(seen) == len(set(seen)) == count


async def test_a_table_is_kept_with_who_imported_it_and_a_newer_one_counts(
    pages: httpx.AsyncClient, has: Services, busy_town: Town, tmp_path: Path
) -> None:
    await sign_in(pages, "station_owner")
    await enter(pages, "location", FACTORS, "first")
    before = await checked(pages, "/owners/1/carbon.csv", tmp_path)
    await enter(pages, "location", FACTORS.replace("150.5", "148"), "second")
    after = await checked(pages, "/owners/1/carbon.csv", tmp_path)
    [newer, older] = has.carbon.listed(1)
    assert (older.source, newer.source) == ("first", "second")
    assert older.sha256 != newer.sha256
    assert older.entered.entered_by == ACCOUNT
    used = {one.anchor.word: one for one in after.sessions.values()}
    assert used
    [line] = {
        after.account.line(one.pool, one.anchor.word).factor for one in after.sessions.values()
    }
    assert line is not None
    assert (line.value, line.table) == (148_000, newer.id)
    # Withdrawn, it counts no more and stays listed with who withdrew it.
    assert (await pages.post(TABLES + "/withdraw", data={"number": "2"})).status_code == 303
    again = await checked(pages, "/owners/1/carbon.csv", tmp_path)
    assert again.digest == before.digest
    assert has.carbon.listed(1)[0].entered.withdrawn_by == ACCOUNT
    assert "Withdrawn" in text_of((await pages.get(INPUTS)).text)
    assert (await pages.post(TABLES + "/withdraw", data={"number": "2"})).status_code == 404


async def test_a_tables_csv_is_the_form_that_is_hashed(
    pages: httpx.AsyncClient, has: Services, town: Town
) -> None:
    await sign_in(pages, "station_owner")
    await enter(pages, "location", "zone,gco2e_per_kwh,period\nGB,1,2026\nDE,2.5,2025\n")
    text = (await pages.get(TABLES + "/1.csv")).text
    assert text == "zone,period,gco2e_per_kwh,renewable_pct\r\nDE,2025,2.500,\r\nGB,2026,1.000,\r\n"
    assert has.carbon.listed(1)[0].sha256 in (await pages.get(TABLES + "/1")).text
    assert (await pages.get(TABLES + "/9")).status_code == 404
    # It can be entered again, and is then known to be the same.
    again = {"kind": "location", "source": "a source", "csv": text}
    answer = await pages.post(TABLES, data=again)
    assert answer.status_code == 400
    assert "the same as table 1" in text_of(answer.text)


REFUSED_TABLES: tuple[tuple[dict[str, str], str], ...] = (
    ({"kind": "weather", "csv": "a"}, "kind is one of location"),
    ({"kind": "location", "csv": FACTORS}, "source is text of 1 to"),
    ({"kind": "location", "csv": "zone\nGB"}, "the first line names the columns"),
    ({"kind": "solar", "csv": "site,period,kwh\n3,2026-11,1", "source": "x"}, "owner's sites"),
    ({"kind": "location", "csv": FACTORS, "published": "x"}, "published is a date"),
    ({"kind": "solar", "site": "1", "period": "2026", "kwh": "1"}, "period is a month"),
)


async def test_a_table_with_a_fault_is_refused_whole(
    pages: httpx.AsyncClient, has: Services, town: Town
) -> None:
    await sign_in(pages, "station_owner")
    for fields, words in REFUSED_TABLES:
        answer = await pages.post(TABLES, data=fields)
        assert answer.status_code == 400
        assert words in text_of(answer.text)
    assert has.carbon.listed(1) == ()


async def test_one_value_is_entered_without_a_file(
    pages: httpx.AsyncClient, has: Services, town: Town
) -> None:
    await sign_in(pages, "station_owner")
    sun = {"kind": "solar", "site": "1", "period": "2026-11", "kwh": "12,5", "source": "inverter"}
    assert (await pages.post(TABLES, data=sun)).status_code == 303
    assert has.carbon.table(1, 1).values == (("1", "2026-11", 12_500, None),)


REFUSED_CERTIFICATES: tuple[tuple[dict[str, str], str], ...] = (
    ({"kind": "promise"}, "kind is one of certificate, ppa"),
    ({"zone": "FR"}, "zone is one of GB"),
    ({"site": "3"}, "site is the number of one"),
    ({"since": "2026-12", "until": "2026-11"}, "the months go"),
    ({"kwh": "0"}, "more than 0"),
    ({"kwh": "x"}, "kwh is a number"),
    ({"reference": ""}, "reference is text"),
)


async def test_a_certificate_that_cannot_be_says_why(
    pages: httpx.AsyncClient, has: Services, town: Town
) -> None:
    await sign_in(pages, "station_owner")
    for changes, words in REFUSED_CERTIFICATES:
        answer = await pages.post(CERTIFICATES, data=REGO | changes)
        assert answer.status_code == 400
        assert words in text_of(answer.text)
    assert has.carbon.certificates(1) == ()


async def test_a_certificate_counts_once(
    pages: httpx.AsyncClient, has: Services, town: Town
) -> None:
    await sign_in(pages, "station_owner")
    assert (await pages.post(CERTIFICATES, data=REGO)).status_code == 303
    answer = await pages.post(CERTIFICATES, data=REGO | {"kwh": "1"})
    assert answer.status_code == 400
    assert "a certificate counts once" in text_of(answer.text)
    withdrawn = await pages.post(CERTIFICATES + "/withdraw", data={"number": "1"})
    assert withdrawn.status_code == 303
    assert (await pages.post(CERTIFICATES, data=REGO | {"site": "2"})).status_code == 303
    [second, first] = has.carbon.certificates(1)
    assert (first.entered.withdrawn_by, second.certificate.site_id) == (ACCOUNT, 2)


async def test_certificates_of_a_year_are_spread_over_all_of_it(
    pages: httpx.AsyncClient, has: Services, town: Town, tmp_path: Path
) -> None:
    october, november = at("2026-10-10 12:00"), at("2026-11-10 12:00")
    town.world.settle(october + 5_000, [Made(town.harbour[0], october, energy_wh=30_000)])
    town.world.settle(november + 5_000, [Made(town.harbour[0], november, energy_wh=70_000)])
    await sign_in(pages, "station_owner")
    await pages.post(CERTIFICATES, data=REGO | {"kwh": "50"})
    given = {}
    for month in ("2026-10", "2026-11"):
        found = await checked(pages, f"/owners/1/carbon.csv?month={month}", tmp_path)
        [one] = found.account.sums().values()
        given[month] = one.certificate_wh
    assert given == {"2026-10": 15_000, "2026-11": 35_000}


async def test_an_auditor_takes_the_report_away_in_every_form(
    pages: httpx.AsyncClient, has: Services, busy_town: Town, tmp_path: Path
) -> None:
    await everything(pages)
    now = has.wall_now()
    own = await checked(pages, "/owners/1/carbon.csv?month=2026-11", tmp_path)
    whole = await checked(pages, "/owners/1/carbon.csv?since=2026-01&until=2026-12", tmp_path)
    await pages.post("/sign-out")
    for report, wanted in (("carbon", own), ("carbon_year", whole)):
        token = has.access.give_link(1, report, date(2026, 11, 1), ACCOUNT, now, 3)
        html = (await pages.get(f"/audit/{token}")).text
        assert "opened by an auditor" in text_of(html)
        assert "REGO 0001 to 0500" in html
        assert "<form" not in html.split("<main")[1]
        assert f"/audit/{token}.xlsx" in html
        for form in ("csv", "json", "xlsx"):
            found = await checked(pages, f"/audit/{token}.{form}", tmp_path)
            assert found.digest == wanted.digest
        assert (await pages.get(f"/audit/{token}.pdf")).content.startswith(b"%PDF")


async def test_a_page_and_its_files_agree(
    pages: httpx.AsyncClient, busy_town: Town, tmp_path: Path
) -> None:
    await everything(pages)
    said: Any = json.loads((await pages.get("/owners/1/carbon.json")).text)
    totals = dict(said["total"][:18])
    html = (await pages.get("/owners/1/carbon")).text
    for figure, name in (
        ("location", "location_g"),
        ("market", "market_g"),
        ("frozen", "frozen_g"),
    ):
        shown = html.split(f'data-figure="{figure}">')[1].split("<")[0]
        assert shown.removesuffix(" kg") == f"{round(int(totals[name]) / 1000):,}"


async def test_sessions_of_later_blocks_are_in_no_report_of_an_earlier_one(
    pages: httpx.AsyncClient, busy_town: Town, tmp_path: Path
) -> None:
    before = await checked(pages, "/owners/1/carbon.csv", tmp_path)
    busy_town.world.settle(NOW - 600, [Made(busy_town.harbour[0], NOW - 9000)])
    after = await checked(pages, "/owners/1/carbon.csv", tmp_path)
    assert after.scope.block == before.scope.block + 1
    assert len(after.sessions) == len(before.sessions) + 1


async def test_each_session_says_its_mix_its_factor_and_its_source(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    page = text_of((await pages.get("/sessions/1/1")).text)
    assert "GB, 2025: UK Government GHG conversion factors" in page
    assert "Restated" not in page
    listed = text_of((await pages.get("/owners/1/sessions")).text)
    assert "kg CO 2 e" in listed
    [first, *_] = csv.DictReader((await pages.get("/owners/1/sessions.csv")).text.splitlines())
    assert first["grid_gco2e_per_kwh"] == "177"
    assert int(first["emitted_g"]) == int(first["energy_wh"]) * 177 // 1000
    await everything(pages)
    page = text_of((await pages.get("/sessions/1/1")).text)
    assert "Restated, private" in page
    assert "150.5 g a kWh, 2026: Government factors 2026" in page
    assert "kWh by certificates" in page
    said = (await pages.get("/sessions/1/1.json")).json()["carbon"]["restated"]
    assert said["solar_wh"] + said["certificate_wh"] + said["residual_wh"] == said["energy_wh"]
    assert said["certificate_wh"] > 0
