"""Takes the pictures of the documentation anew, from the demo's data: ``make pictures``.

Starts ``guerdon demo`` on a fresh folder, waits for a few redemptions, and photographs each screen
in Chromium, light and dark.
"""

import asyncio
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright
from rich.console import Console

HERE = Path(__file__).parent
PORT, PROVIDER_PORT, SHOP_PORT = 8180, 8190, 8191
SITE, SHOP = f"http://127.0.0.1:{PORT}", f"http://127.0.0.1:{SHOP_PORT}"
WAIT_FOR_REDEMPTIONS_SECONDS = 45
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 800}
SCREENS = {
    "transactions": "/redeem/transactions",
    "transactions-all": "/redeem/transactions?view=all",
    "export": "/redeem/transactions/export?view=all",
    "exports": "/redeem/exports",
    "cases": "/redeem/cases",
    "options": "/redeem/options",
    "option-new": "/redeem/options/new?type=digital",
    "overview": "/redeem/overview",
    "members": "/members",
    "providers": "/providers",
    "team": "/settings/team",
    "keys": "/settings/keys",
    "rules": "/settings/rules",
    "limits": "/settings/limits",
    "retention": "/settings/retention",
    "widget-settings": "/settings/widget",
    "audit": "/settings/audit",
    "account": "/account",
    "shortcuts": "/keys",
    "api": "/docs",
}
# Reached by the first link of a list.
LED_TO = {
    "member": ("/members", "tbody a"),
    "option": ("/redeem/options", "tbody a"),
    "provider": ("/providers", "tbody a"),
}
console = Console()


async def started(data: Path) -> tuple[asyncio.subprocess.Process, str]:
    """The demo, ready, and the password of its operator."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "guerdon", "demo", "--data", str(data)),
        *("--port", str(PORT), "--provider-port", str(PROVIDER_PORT)),
        *("--shop-port", str(SHOP_PORT)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    password = ""
    async for line in process.stdout:
        found = re.search(rb"password\s+(\S+)", line)
        password = found[1].decode() if found else password
        if b"Ctrl-C" in line:
            return process, password
    raise SystemExit("The demo did not start.")


async def photograph(page: Page, name: str, theme: str) -> None:
    await page.wait_for_load_state("domcontentloaded")
    await page.wait_for_timeout(500)
    await page.screenshot(path=HERE / f"{name}-{theme}.png")
    console.print(f"{name}-{theme}.png")


async def take(browser: Browser, password: str, theme: str) -> None:
    context = await browser.new_context(viewport=WIDE, color_scheme=theme)
    page = await context.new_page()
    await page.goto(f"{SITE}/sign-in")
    await photograph(page, "sign-in", theme)
    await page.fill("input[name=email]", "demo@example.com")
    await page.fill("input[name=password]", password)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/redeem/transactions*")
    for name, path in SCREENS.items():
        await page.goto(SITE + path)
        await photograph(page, name, theme)
    for name, (path, link) in LED_TO.items():
        await page.goto(SITE + path)
        await page.locator(link).first.click()
        await photograph(page, name, theme)
    await page.goto(SHOP)
    await page.locator("guerdon-widget li.card button").first.wait_for()
    await photograph(page, "widget", theme)
    await page.goto(f"{SITE}/redeem/transactions")
    await page.locator("a[aria-expanded], button[aria-expanded]").first.click()
    await photograph(page, "transaction-open", theme)
    await page.locator("a:has-text('Cancel')").first.click()
    await photograph(page, "cancel", theme)
    await page.set_viewport_size(NARROW)
    await page.goto(f"{SITE}/redeem/transactions")
    await photograph(page, "transactions-narrow", theme)
    await context.close()


async def main() -> None:
    names = ("chromium-headless-shell", "chromium", "chromium-browser")
    chromium = next(filter(None, map(shutil.which, names)), None)
    with tempfile.TemporaryDirectory(prefix="guerdon-pictures-") as folder:
        # Where root runs PostgreSQL as somebody else, that somebody must come in.
        os.chmod(folder, 0o755)
        demo, password = await started(Path(folder))
        try:
            console.print(f"Redeeming for {WAIT_FOR_REDEMPTIONS_SECONDS} s …")
            await asyncio.sleep(WAIT_FOR_REDEMPTIONS_SECONDS)
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
                )
                for theme in ("light", "dark"):
                    await take(browser, password, theme)
                await browser.close()
        finally:
            demo.terminate()
            await demo.wait()


if __name__ == "__main__":
    asyncio.run(main())
