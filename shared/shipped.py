"""The files that Rollcall is handed out with beside its code: the example configuration and the published schemas."""

from pathlib import Path

IN_A_WHEEL = Path(__file__).with_name("data")  # pyproject.toml puts them there
IN_A_CHECKOUT = Path(__file__).parents[1]


def shipped(name: str) -> Path:
    """Where the file or folder of this name is: beside the installed code, or in the checkout that is run from."""
    installed = IN_A_WHEEL / name
    return installed if installed.exists() else IN_A_CHECKOUT / name
