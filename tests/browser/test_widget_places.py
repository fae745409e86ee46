"""The widget in difficult places: hostile styles, a strict policy, small screens, no mouse."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Route, expect
from tests.browser.conftest import House
from tests.browser.hosting import Host, hosted, visiting

HOSTILE = """
* { color: lime !important; font: italic 40px cursive !important; line-height: 4 !important;
    text-transform: uppercase !important; letter-spacing: 1em !important; }
button, dialog, ul, li, h2, p, div, span, strong { display: none !important; }
button:focus-visible { outline: none !important; }
"""
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const { value, sources } of list.getEntries())
    shifts.push([value, ...sources.map(({ node }) => node?.nodeName ?? "in the widget")]);
}).observe({ type: "layout-shift", buffered: true });
"""
SETTLED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
STYLE = """
(name) => {
  const root = document.querySelector("guerdon-widget").shadowRoot;
  const button = [...root.querySelectorAll("button")].find((one) => one.ariaLabel?.includes(name)
    || one.innerText.includes(name) || one.getAttribute("aria-labelledby"));
  const { color, fontSize, textTransform, letterSpacing, display } = getComputedStyle(button);
  return { color, fontSize, textTransform, letterSpacing, display };
}
"""


@pytest.fixture
async def host(house: House) -> AsyncIterator[Host]:
    house.provider.answer = (200, b"")
    async with hosted(house) as opened:
        yield opened


async def test_the_styles_of_the_host_stay_outside(browser: Browser, host: Host) -> None:
    async with visiting(browser, host) as visitor:
        await visitor.go()
        plain = await visitor.page.evaluate(STYLE, "Redeem")
    host.css = HOSTILE
    async with visiting(browser, host) as visitor:
        await visitor.go()
        assert await visitor.page.evaluate(STYLE, "Redeem") == plain
        await visitor.redeem()
        await visitor.reads("Done.")


async def test_a_strict_policy_of_the_host_is_enough(browser: Browser, host: Host) -> None:
    ours = host.house.url
    host.policy = (
        f"default-src 'none'; script-src 'self' {ours}; connect-src 'self' {ours}; "
        f"img-src 'self' {ours}; style-src 'self'; require-trusted-types-for 'script'"
    )
    async with visiting(browser, host) as visitor:  # who would hear of every violation
        await visitor.go()
        await visitor.redeem()
        await visitor.reads("Done.")
        await visitor.button("Close").click()
        await visitor.widget.get_by_role("tab", name="History").click()
        await expect(visitor.widget.locator("summary")).to_contain_text("Free Tickets")


async def test_three_requests_and_nothing_jumps(browser: Browser, host: Host) -> None:
    """Each answer comes by itself and late, so that every state between is painted."""
    ours = host.house.url
    host.css = "guerdon-widget { display: block; min-block-size: 28rem; }"
    host.body = f'<guerdon-widget endpoint="{ours}"></guerdon-widget><footer>Below</footer>'
    async with visiting(browser, host) as visitor:

        async def late(route: Route) -> None:
            await visitor.page.evaluate(SETTLED)
            await route.continue_()

        await visitor.page.add_init_script(SHIFTS)
        await visitor.page.route(f"{ours}/**", late)
        await visitor.go()
        await visitor.button("Redeem: Free Tickets").click(trial=True)
        paths = [asked.partition("?")[0] for asked in visitor.asked if ours in asked]
        usable = ["widget/v1.js", "widget/lang/en.json", "widget/v1/options"]
        assert paths[:3] == [f"GET {ours}/{path}" for path in usable]
        assert set(paths[3:]) <= {f"GET {ours}/widget/v1/stream"}  # it is usable already
        await visitor.page.evaluate(SETTLED)
        assert await visitor.page.evaluate("shifts") == []


async def test_without_a_mouse_and_the_focus_is_never_lost(browser: Browser, host: Host) -> None:
    async with visiting(browser, host) as visitor:
        await visitor.go()
        assert await visitor.axe() == []
        await visitor.page.emulate_media(color_scheme="dark")
        for _ in range(12):
            await visitor.page.keyboard.press("Tab")
            if await visitor.focused() == "Redeem":
                break
        await visitor.page.keyboard.press("Enter")
        await expect(visitor.dialog).to_be_visible()
        assert await visitor.axe() == []
        await visitor.button("Redeem for 200 tokens").focus()
        await visitor.page.keyboard.press("Enter")
        await visitor.reads("Done.")
        assert "Free Tickets" in await visitor.focused()  # the heading of what became of it
        assert await visitor.axe() == []
        await visitor.page.keyboard.press("Escape")
        await expect(visitor.dialog).not_to_be_visible()
        assert await visitor.focused() == "Redeem"


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_a_small_screen_never_scrolls_sideways(
    browser: Browser, host: Host, language: str
) -> None:
    host.body = f'<guerdon-widget endpoint="{host.house.url}" lang="{language}"></guerdon-widget>'
    small = {"viewport": {"width": 320, "height": 560}, "has_touch": True}
    async with visiting(browser, host, **small) as visitor:
        await visitor.page.goto(host.url)
        card = visitor.widget.locator("li.card button").first
        await card.wait_for()
        direction = await visitor.widget.locator("section").evaluate("e => e.dir")
        assert direction == {"en": "ltr", "ar": "rtl"}[language]
        await card.tap()
        await expect(visitor.dialog).to_be_visible()
        wide = "document.documentElement.scrollWidth"
        assert await visitor.page.evaluate(wide) <= 320
        heights = await visitor.dialog.locator("button").evaluate_all(
            "buttons => buttons.map((one) => one.getBoundingClientRect().height)"
        )
        assert min(heights) >= 44
        assert await visitor.axe() == []
        await visitor.dialog.locator("button.main").tap()
        await expect(visitor.dialog.locator("button.main")).to_have_count(0)
        assert await visitor.page.evaluate(wide) <= 320
        assert await visitor.axe() == []
