#!/bin/sh
# SIP trunks often send a caller as country code and number without `+`. libphonenumber takes a default region for numbers without `+`.
#
# Guess: with the region of the caller's own country, such digits are read as the number they are, for the library looks for the country code
# of the region; or they come out invalid, so that one notices.
# Seen: it depends on country and kind. With AT, GB, FR, IT, NL and CH every number of the country is read right. With DE every mobile number, and
# with SE every fixed number, becomes another number of the same country, which is_valid_number calls valid; the other kind is read right. With DE,
# British mobile numbers become valid German numbers too.
#
# What follows: whether `+` may be missing is a property of the trunk and is stated, never guessed from a region.
#
# Version: phonenumbers 9.0.43 (PyPI), Google's rules. Exits 0 if the behaviour is as described.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check phonenumbers==9.0.43
"$place/venv/bin/python" - <<'PYTHON'
import sys

import phonenumbers as p

KINDS = {"mobile": p.PhoneNumberType.MOBILE, "fixed": p.PhoneNumberType.FIXED_LINE}


def count(country, kind, default):
    """Of 100 valid numbers without their plus: how many are read as another number, and how many of these are valid."""
    example = p.example_number_for_type(country, KINDS[kind])
    national = p.national_significant_number(example)
    numbers = wrong = valid = 0
    for ending in range(100):
        number = f"+{example.country_code}{national[:-2]}{ending:02d}"
        if not p.is_valid_number(p.parse(number)):
            continue
        numbers += 1
        read = p.parse(number[1:], default)
        if p.format_number(read, p.PhoneNumberFormat.E164) != number:
            wrong += 1
            valid += p.is_valid_number(read)
    return numbers, wrong, valid


expected = {("DE", "mobile", "DE"): (100, 100, 100), ("SE", "fixed", "SE"): (100, 100, 100), ("GB", "mobile", "DE"): (100, 100, 100)}
expected |= {("DE", "fixed", "DE"): (100, 0, 0), ("SE", "mobile", "SE"): (100, 0, 0)}
expected |= {(country, kind, country): (100, 0, 0) for country in ("AT", "GB", "FR", "IT", "NL", "CH") for kind in KINDS}
changed = False
for (country, kind, default), as_described in expected.items():
    seen = count(country, kind, default)
    print(f"{kind} numbers of {country} with default region {default}: numbers, misread, misread and valid {seen}")
    if seen != as_described:
        print(f"  described: {as_described}")
        changed = True
sys.exit(1 if changed else 0)
PYTHON
