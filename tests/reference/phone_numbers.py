"""Ways to write phone numbers, and what Google's numbering plans make of them.

    pip install phonenumbers==9.0.43
    python tests/reference/phone_numbers.py 3000 > /tmp/forms.csv
    PATRON_NUMBER_FORMS=/tmp/forms.csv cargo test --lib -- telephony::plan::tests::reference

The 300 rows in phone_numbers.csv were made with 300. Columns: the number plan, the text, the number in E.164 or nothing where there is no
such number, and whether it is valid.
"""

import csv
import random
import sys

import phonenumbers as p

REGIONS = "DE AT CH FR GB IT ES NL BE PL CZ HU SE NO FI US CA MX BR AR JP CN IN AU RU".split()
KINDS = [
    p.PhoneNumberType.FIXED_LINE,
    p.PhoneNumberType.MOBILE,
    p.PhoneNumberType.TOLL_FREE,
    p.PhoneNumberType.PREMIUM_RATE,
    p.PhoneNumberType.VOIP,
]
IDD = {"US": "011", "CA": "011", "JP": "010", "AU": "0011", "RU": "810", "BR": "0014"}
# What Patron refuses although the library drops it: a trunk prefix behind a country code.
TRUNK = {1: "1", 7: "8", 36: "06"}


def number(region, rng):
    kind = rng.choice(KINDS)
    example = p.example_number_for_type(region, kind) or p.example_number(region)
    national = p.national_significant_number(example)
    # Other subscribers of the same range: the last three digits vary, and some become impossible.
    digits = national[:-3] + "".join(rng.choice("0123456789") for _ in range(3))
    roll = rng.random()
    if roll < 0.04:
        digits = digits[:-4]
    elif roll < 0.08:
        digits += "".join(rng.choice("0123456789") for _ in range(6))
    return example.country_code, digits


def forms(region, rng):
    code, digits = number(region, rng)
    e164 = f"+{code}{digits}"
    parsed = None
    try:
        parsed = p.parse(e164, None)
    except p.NumberParseException:
        pass
    shown = lambda form: p.format_number(parsed, form) if parsed else e164
    idd = IDD.get(region, "00")
    return [
        ("e164", e164),
        ("e164", shown(p.PhoneNumberFormat.INTERNATIONAL)),
        ("e164", shown(p.PhoneNumberFormat.RFC3966)),
        ("e164", f"00{code}{digits}"),
        ("e164_no_plus", f"{code}{digits}"),
        ("e164_no_plus", f"{code} {digits[:3]} {digits[3:]}"),
        (f"national:{region}", shown(p.PhoneNumberFormat.NATIONAL)),
        (f"national:{region}", shown(p.PhoneNumberFormat.NATIONAL).replace(" ", "/")),
        (f"national:{region}", f"{code}{digits}"),
        (f"national:{region}", f"{idd}{code}{digits}"),
        (f"national:{region}", f"{idd} 49 30 123456"),
        (f"international_prefix:{idd}", f"{idd}-{code}-{digits}"),
    ]


def expected(plan, text):
    if plan.startswith("national:"):
        region, text = plan[-2:], text
    else:
        region = None
        digits = text.removeprefix("tel:")
        if plan.startswith("international_prefix:"):
            digits = digits.removeprefix(plan.split(":")[1])
        elif digits.startswith("00"):
            digits = digits[2:]
        text = digits if digits.startswith("+") else "+" + digits.lstrip("-")
    try:
        number = p.parse(text, region)
    except p.NumberParseException:
        return "", ""
    if p.is_possible_number_with_reason(number) != p.ValidationResult.IS_POSSIBLE:
        return "", ""
    if len(p.format_number(number, p.PhoneNumberFormat.E164)) > 16:
        return "", ""
    dense = "".join(c for c in text if c.isdigit())
    national = p.national_significant_number(number)
    trunk = TRUNK.get(number.country_code, "0")
    source = p.parse(text, region, keep_raw_input=True).country_code_source
    is_international = source != p.CountryCodeSource.FROM_DEFAULT_COUNTRY
    if is_international and f"{number.country_code}{trunk}{national}" in dense:
        return "", ""
    return p.format_number(number, p.PhoneNumberFormat.E164), str(p.is_valid_number(number)).lower()


def main():
    rng = random.Random(20261129)
    rows, wanted = {}, int(sys.argv[1])
    while len(rows) < wanted:
        for region in REGIONS:
            plan, text = rng.choice(forms(region, rng))
            rows[(plan, text)] = expected(plan, text)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["plan", "text", "number", "is_valid"])
    for (plan, text), (e164, valid) in list(rows.items())[:wanted]:
        out.writerow([plan, text, e164, valid])


main()
