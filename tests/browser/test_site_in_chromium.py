"""The page in headless Chromium: sort, filter, columns, the address, and that nothing strange runs or is fetched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.records import Cell, Measurement, Record
from leaderboard.build import build_site

pytestmark = pytest.mark.browser

BOARD = "feat2gs~lite~known~measured"


def record(entry: str, scene: str, seed: int, mode: str, psnr: float, ssim: float, **values) -> Record:
    cell = Cell("feat2gs", entry, "studio", scene, mode, "known", "lite", seed)
    metrics = {"psnr": Measurement(psnr, {"0": psnr}), "ssim": Measurement(ssim)}
    return Record(cell, "k", "ok", "measured", "2026-01-01T00:00:00Z", metrics=metrics, **values)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Ranks alpha 1, beta 2, gamma 3 by PSNR; SSIM in the order gamma, alpha, beta."""
    out = tmp_path_factory.mktemp("out") / "site"
    values = {"alpha": (22, 0.6), "beta": (21, 0.5), "gamma": (20, 0.9)}
    records = [
        record(entry, "a", seed, mode, psnr + 0.1 * seed, ssim)
        for entry, (psnr, ssim) in values.items()
        for mode in ("geometry", "texture", "all")
        for seed in range(2)
    ]
    records.append(record("splat", "a", 0, "free", 25, 0.8))
    failed = Record(
        Cell("feat2gs", "delta", "studio", "a", "geometry", "known", "lite", 0), "k", "failed", "measured", "x", "no"
    )
    build_site([*records, failed], out, entries={}, datasets={}, protocols={}, command=lambda record: "run")
    return out


@pytest.fixture
def page(driver, site):
    """Opens a page and hands out what a reader sees of its Geometry table."""

    def open_page(fragment: str = "", name: str = f"board/{BOARD}/studio.html") -> None:
        driver.get("about:blank")
        driver.get(f"{(site / name).as_uri()}{fragment}")

    driver.get_log("browser")
    driver.get_log("performance")
    yield open_page
    assert driver.get_log("browser") == []
    for line in driver.get_log("performance"):
        message = json.loads(line["message"])["message"]
        # The browser's own first tab asks for things of its own; what counts is what our pages ask for.
        if message["method"] == "Network.requestWillBeSent" and message["params"]["documentURL"].startswith("file:"):
            assert message["params"]["request"]["url"].startswith(("file:", "data:"))


def order(driver) -> list[str]:
    rows = driver.find_elements("css selector", "table[id='t~geometry'] tbody tr")
    return [row.find_element("css selector", "th a").text for row in rows if row.is_displayed()]


def head(driver, key: str):
    return driver.find_element("css selector", f"table[id='t~geometry'] th[data-key='{key}']")


def test_sort_by_click_and_by_key(driver, page):
    from selenium.webdriver.common.keys import Keys

    page()
    assert order(driver) == ["alpha", "beta", "gamma", "delta", "splat"]
    button = head(driver, "ssim").find_element("css selector", "button")
    button.click()
    # Best first; the one without a number last.
    assert order(driver) == ["gamma", "splat", "alpha", "beta", "delta"]
    assert head(driver, "ssim").get_attribute("aria-sort") == "descending"
    button.send_keys(Keys.ENTER)
    assert order(driver) == ["beta", "alpha", "splat", "gamma", "delta"]
    assert head(driver, "ssim").get_attribute("aria-sort") == "ascending"
    button.send_keys(Keys.SPACE)
    assert order(driver) == ["alpha", "beta", "gamma", "delta", "splat"]
    assert head(driver, "ssim").get_attribute("aria-sort") is None
    head(driver, "entry").find_element("css selector", "button").click()
    assert order(driver) == ["alpha", "beta", "delta", "gamma", "splat"]


def test_filter_keeps_ranks(driver, page):
    page()
    driver.find_element("css selector", ".tools[data-for='t~geometry'] input[type=search]").send_keys("GAM")
    assert order(driver) == ["gamma"]
    ranks = [
        cell for cell in driver.find_elements("css selector", "table[id='t~geometry'] td.rank") if cell.is_displayed()
    ]
    assert [cell.text.split()[0] for cell in ranks] == ["3"]
    said = driver.find_element("css selector", ".tools[data-for='t~geometry'] output").text
    assert said == "1 of 5 rows; ranks are those of all"
    driver.find_element("css selector", ".tools[data-for='t~geometry'] .reset").click()
    assert len(order(driver)) == 5


def test_state_is_in_the_address_and_comes_back(driver, page):
    page()
    head(driver, "ssim").find_element("css selector", "button").click()
    tools = driver.find_element("css selector", ".tools[data-for='t~geometry']")
    tools.find_element("css selector", "input[type=search]").send_keys("a")
    tools.find_element("css selector", "summary").click()
    tools.find_element("css selector", "input[value=psnr]").click()
    address = driver.current_url
    assert not head(driver, "psnr").is_displayed()
    driver.get("about:blank")
    driver.get(address)
    assert order(driver) == ["gamma", "splat", "alpha", "beta", "delta"]
    assert not head(driver, "psnr").is_displayed()
    assert head(driver, "ssim").is_displayed()
    # The other tables are as they were.
    assert "t%7Etexture" not in address
    assert driver.find_element("css selector", "table[id='t~texture'] th[data-key='psnr']").is_displayed()


@pytest.mark.parametrize(
    "fragment", ["#geometry", "#t~geometry.sort=nonsense&t~geometry.hide=entry,__proto__", "#%", "#=&=&x.sort"]
)
def test_other_fragments_do_no_harm(driver, page, fragment):
    page(fragment)
    assert order(driver) == ["alpha", "beta", "gamma", "delta", "splat"]


def test_an_anchor_and_the_state_live_together(driver, page):
    page()
    head(driver, "ssim").find_element("css selector", "button").click()
    driver.find_element("css selector", ".jump a[href='#texture']").click()
    assert order(driver)[0] == "gamma"
    assert driver.current_url.endswith("#texture")


@pytest.mark.parametrize("width", [390, 768, 1440])
@pytest.mark.parametrize(
    "name",
    [
        "index.html",
        "data.html",
        f"board/{BOARD}/studio.html",
        f"board/{BOARD}/studio~records/alpha.html",
        "entry/alpha.html",
        "questions.html",
        "correlations.html",
        "figures.html",
        f"compare/{BOARD}.html",
    ],
)
def test_only_tables_scroll_sideways(driver, page, name, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page(name=name)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def outcome(driver) -> list[list[str]]:
    rows = driver.find_elements("css selector", "#outcome tbody tr")
    return [[cell.text for cell in row.find_elements("css selector", "th, td")] for row in rows]


def test_compare_says_what_two_rows_say(driver, page):
    from selenium.webdriver.support.ui import Select

    page(name=f"compare/{BOARD}.html")
    # Means over two seeds: 22.05, 21.05 and 20.05.
    assert outcome(driver) == [["a", "22.05", "21.05", "+1.00"]]
    Select(driver.find_element("css selector", "#choice [name=second]")).select_by_value("gamma")
    assert outcome(driver) == [["a", "22.05", "20.05", "+2.00"]]
    assert "better on 1 of 1" in driver.find_element("css selector", "#outcome p").text
    address = driver.current_url
    assert address.endswith("#mode=geometry&first=alpha&second=gamma")
    driver.get("about:blank")
    driver.get(address.replace("first=alpha", "first=%3Cimg%20src=x%20onerror=alert(1)%3E").replace("geometry", "all"))
    assert outcome(driver) == [["a", "22.05", "20.05", "+2.00"]]
    assert driver.find_element("css selector", "#choice [name=mode]").get_attribute("value") == "all"


def test_compare_slides_one_render_over_the_other(driver, site_with_pictures):
    driver.get(site_with_pictures.as_uri())
    images = driver.find_elements("css selector", ".under img")
    assert [image.get_attribute("alt") for image in images] == ["render of beta", "render of alpha"]
    assert all(driver.execute_script("return arguments[0].naturalWidth", image) == 12 for image in images)
    slide = (
        "const r = document.querySelector('.slider input'); r.value = arguments[0]; r.dispatchEvent(new Event('input'))"
    )
    for value, expected in ((0, "inset(0px 100% 0px 0px)"), (70, "inset(0px 30% 0px 0px)")):
        driver.execute_script(slide, value)
        assert images[1].value_of_css_property("clip-path") == expected
    assert driver.find_element("css selector", ".photograph img").is_displayed()
    assert driver.get_log("browser") == []


@pytest.fixture
def site_with_pictures(tmp_path) -> Path:
    """The comparison page of a site with grey pictures of two entries."""
    from PIL import Image

    def folder(record: Record) -> Path:
        place = tmp_path / record.cell.entry
        for kind, grey in (("renders", len(record.cell.entry) * 30), ("truth", 200)):
            (place / kind).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (12, 8), (grey, grey, grey)).save(place / kind / "0.png")
        return place

    records = [record(entry, "a", 0, "geometry", 20 + i, 0.5) for i, entry in enumerate(("alpha", "beta"))]
    cards = {"studio": {"licence": {"redistribute": True}}}
    out = tmp_path / "site"
    build_site(records, out, entries={}, datasets=cards, protocols={}, command=lambda record: "", cell_folder=folder)
    return out / "compare" / f"{BOARD}.html"


def test_a_keystroke_in_the_filter_of_two_hundred_rows_is_quick(driver, tmp_path, record_property):
    """Measured, not judged: the time goes into the report."""
    records = [record(f"model{i:03d}", "a", 0, "geometry", 20 + i / 100, 0.5) for i in range(200)]
    out = tmp_path / "site"
    build_site(records, out, entries={}, datasets={}, protocols={}, command=lambda record: "")
    driver.get((out / "board" / BOARD / "studio.html").as_uri())
    script = """
      const input = document.querySelector("input[type=search]"), times = [];
      for (const text of ["1", "19", "199", "19", "1", ""]) {
        const begin = performance.now();
        input.value = text; input.dispatchEvent(new Event("input"));
        document.body.getBoundingClientRect();
        times.push(performance.now() - begin);
      }
      return times;
    """
    record_property("filter_milliseconds", driver.execute_script(script))
    shown = driver.execute_script("return [...document.querySelectorAll('tbody tr')].filter((r) => !r.hidden).length")
    assert shown == 200


PAGES = (
    "index.html",
    "data.html",
    "questions.html",
    "correlations.html",
    "figures.html",
    f"compare/{BOARD}.html",
    f"board/{BOARD}/studio.html",
    f"board/{BOARD}/studio~records/alpha.html",
    "entry/alpha.html",
    "protocol/lite.html",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation(driver, page, name, scheme):
    axe = pytest.importorskip("axe_core_python", reason="needs axe-core: pip install axe-core-python")
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    page(name=name)
    driver.execute_script("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    driver.execute_script((Path(axe.__file__).parent / "axe.min.js").read_text("utf-8"))
    found = driver.execute_async_script("const done = arguments[0]; axe.run().then(done)")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert [(rule["id"], rule["impact"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []


def test_reads_without_script(driver, page):
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page()
        assert order(driver) == ["alpha", "beta", "gamma", "delta", "splat"]
        assert not driver.find_element("css selector", ".tools").is_displayed()
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_a_hostile_record_runs_nothing(driver, tmp_path):
    text = "\"><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"
    made = [
        record("alpha", "a", 0, "geometry", 20, 0.5, absent={"lpips": text}, provenance={text[:200]: text}),
        record("beta", "a", 0, "geometry", 21, 0.5),
    ]
    values = {"title": text, "kind": text, "citation": text, "licence": {"spdx": text, "url": "javascript:hacked=1"}}
    out = tmp_path / "site"
    build_site(
        made,
        out,
        entries={"alpha": values},
        datasets={"studio": values},
        protocols={"lite": {"description": text, text: text}},
        command=lambda record: text,
    )
    driver.get_log("browser")
    for path in sorted(out.rglob("*.html")):
        driver.get(path.as_uri())
        assert driver.execute_script("return window.hacked") is None, path.name
    assert driver.get_log("browser") == []
