"""
E-mail addresses: the one comparison, and what no mail system takes in one. Pure.

Two spellings are one address when ``email_key`` has one key for both: it is the account at Unitu, whoever wrote it.
"""

import re
import unicodedata

import idna

from shared.contract.texts import INVISIBLE, LOST, clean, found_in, named

COMPARISON = 1  # rises whenever ``email_key`` gives other keys: what is stored by them is then made anew

LONGEST = 254  # characters, with the domain in ASCII (RFC 5321)
LONGEST_LABEL = 63
_ASCII_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?", re.IGNORECASE)
_NO_LOCAL = frozenset('()[]:;,\\"')  # what stands before the @ only within quotes


def email_key(email: str) -> str:
    """
    An address as it is compared: ``texts.clean``, case-folded, the domain as its A-labels (IDNA, UTS 46).

    A domain that is none in IDNA is case-folded like the rest. The key of a key is the key.
    """
    email = clean(email)
    if email.isascii():
        return email.lower()
    local, at, domain = email.rpartition("@")
    return f"{_folded(local)}{at}{_ascii_domain(domain)}" if at else _folded(email)


def _folded(text: str) -> str:
    """Canonical caseless matching (Unicode, D145), told in NFC."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    found = _encoded(domain)
    if found is not None:
        return found
    folded = _folded(domain)
    return folded if folded == domain else _ascii_domain(folded)


def _encoded(domain: str) -> str | None:
    try:
        return idna.encode(domain, uts46=True).decode("ascii").lower()
    except UnicodeError:  # idna's own errors are among them
        return None


def is_another_account(delivered: str, own: str) -> bool:
    """
    Whether a person's ``own`` address, sent in place of the ``delivered`` one, would be another account: a new address,
    or the repair of one that nobody can log in with. Another spelling of the same is neither.
    """
    return email_key(delivered) != email_key(own) or (own.isprintable() and not delivered.isprintable())


def older_keys(key: str) -> tuple[str, ...]:
    """How earlier releases (``strip().casefold()``) may have compared what ``key`` stands for, itself first."""
    local, at, domain = key.rpartition("@")
    try:
        spelt = idna.decode(domain) if "xn--" in domain else domain
    except UnicodeError:
        spelt = domain
    if key.isascii() and spelt == domain:
        return (key,)
    forms = (f"{local}{at}{one}" for one in (domain, spelt.casefold()))
    return tuple(dict.fromkeys(unicodedata.normalize(form, one) for one in forms for form in ("NFC", "NFD")))


# --- what no mail system takes ---------------------------------------------------------------------------------------


def fault_of(address: str) -> str | None:
    """
    What is wrong with an address, and what to do about it, in words that follow "the address"; None where a mail system
    may take it. The words never repeat the address, but for one character of it. An address is judged as it stands:
    whoever reads it from a record takes ``clean`` of it first.
    """
    return _in_the_whole(address) or _in_its_parts(address)


def _in_the_whole(address: str) -> str | None:
    if not address:
        return "is empty: fill it in"
    if LOST in address:
        return f"has a character that was lost ({named(LOST)}): type it anew"
    if (found := None if address.isprintable() else found_in(address, INVISIBLE)) is not None:
        return f"has {found}, which nobody sees: type it anew"
    if address[:7].casefold() == "mailto:":
        return 'begins with "mailto:": leave that out'
    if "<" in address or ">" in address:
        return "has angle brackets: leave them out, and the name beside them"
    if (space := next((place for place, one in enumerate(address, 1) if one.isspace()), None)) is not None:
        return f"has a space as character {space}: leave it out"
    if address.count("@") != 1:
        return (
            "has no @: write it as name@school.example"
            if "@" not in address
            else "has more than one @: write one address alone"
        )
    return None


def _in_its_parts(address: str) -> str | None:
    local, _, domain = address.partition("@")
    if not local or not domain:
        return f"has nothing {'after' if local else 'before'} the @: write it as name@school.example"
    if domain.endswith(".") or local.endswith("."):
        return f"has a dot {'at its end' if domain.endswith('.') else 'before the @'}: leave it out"
    if domain.startswith(".") or local.startswith("."):
        return f"has a dot {'after the @' if domain.startswith('.') else 'at its beginning'}: leave it out"
    if ".." in address and not _is_quoted(local):
        return "has two dots in a row: leave one out"
    return _in_local(local) or _in_domain(local, domain)


def _is_quoted(local: str) -> bool:
    return len(local) > 2 and local[0] == local[-1] == '"'


def _in_local(local: str) -> str | None:
    wrong = None if _is_quoted(local) else next((one for one in local if one in _NO_LOCAL), None)
    return None if wrong is None else f"has {named(wrong)} before the @: leave it out"


def _in_domain(local: str, domain: str) -> str | None:
    labels = domain.split(".")
    if len(labels) < 2:
        return "has a domain without a dot: write the whole of it, as in name@school.example"
    encoded = domain if domain.isascii() else _encoded(domain)
    if encoded is None:
        return "has a domain that no registry takes: type it anew"
    labels = encoded.split(".")
    for label in labels:
        if len(label) > LONGEST_LABEL:
            return f"has a part of its domain with more than {LONGEST_LABEL} characters: correct it"
        if not _ASCII_LABEL.fullmatch(label):
            return f"has {_stranger(label)} in its domain: correct it"
    if labels[-1].isdigit():
        return "ends in a number: write the domain's name, not a machine's address"
    if len(local) + 1 + len(encoded) > LONGEST:
        return f"has more than {LONGEST} characters: no mail system takes so many"
    return None


def _stranger(label: str) -> str:
    """What a label of a domain cannot have, in words."""
    wrong = next((one for one in label if not (one.isalnum() or one in "-_")), None)
    if wrong is not None:
        return named(wrong)
    return "a part that begins or ends in a hyphen" if label else "an empty part"
