"""The appliance's other addresses: texts in three languages, the variable browser, and the logs (section 2.3)."""

import csv
import json
from datetime import datetime
from pathlib import Path

from .profiles import Profile

LANGUAGES = {"/js/DE-de.js": "german", "/js/EN-en.js": "english", "/js/IT-it.js": "italian"}
"""Address and language of the tables of texts."""
SINGLE_SLASH_UNTIL = 826
"""Application version from which some addresses begin with two slashes."""
NOT_FOUND = (
    "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n"
    "<hr><center>nginx/1.17.7</center>\r\n</body>\r\n</html>\r\n"
)
HTML, SCRIPT, TEXT = "text/html", "application/javascript", "text/plain"

_WALLBOX = {
    "german": {161: "Nicht verbunden", 178: "Bereit", 194: "Lädt"},
    "english": {161: "not connected", 178: "ready", 194: "charging"},
    "italian": {161: "non collegato", 178: "pronto", 194: "in carica"},
}


def error(status: int, reason: str) -> str:
    """Return the web server's page for an error."""
    return NOT_FOUND.replace("404 Not Found", f"{status} {reason}")


def language_file(language: str) -> str:
    """Return the script with the texts of one language."""
    with Path(__file__).with_name("states.csv").open(encoding="utf-8", newline="") as rows:
        states = {int(row["code"]): row[language] for row in csv.DictReader(rows)}
    return _table("system_state_name", states) + _table("wallbox_state_name", _WALLBOX[language])


def _table(name: str, texts: dict[int, str]) -> str:
    lines = ",\n".join(f"\t{code}: {json.dumps(text, ensure_ascii=False)}" for code, text in texts.items())
    return f"var {name} = {{\n{lines}\n}};\n"


def _log(profile: Profile, now: datetime) -> str:
    day = now.strftime("%Y-%m-%d")
    return (
        f"{day} 00:00:01 [I|NPU|main] application {profile.application:04d} running\n"
        f"{day} 00:00:02 [W|BMS] one cell above the mean\n"
        f"{day} 00:00:03 RTC: time set\n"
    )


def page(path: str, profile: Profile, now: datetime) -> tuple[str, str] | None:
    """Return content type and text of an address, None for an address that this firmware does not have."""
    slash = "//" if profile.application >= SINGLE_SLASH_UNTIL else "/"
    browser = "vars.html" if profile.application != 825 else "Vars.html"
    if path in LANGUAGES:
        return SCRIPT, language_file(LANGUAGES[path])
    if path in {"/", "/index.html"}:
        return HTML, "<!DOCTYPE html>\n<html><head><title>SENEC</title></head><body></body></html>\n"
    if path == f"{slash}{browser}":
        return HTML, "<!DOCTYPE html>\n<html><head><title>Variables</title></head><body></body></html>\n"
    if path == f"{slash}log/{now:%Y/%m/%d}.log":
        return TEXT, _log(profile, now)
    if path == "/logs-nsp/nsp_error.log" and not profile.v3:
        return TEXT, ""
    return None
