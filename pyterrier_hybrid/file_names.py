"""Names of files for names that a user gave: any text becomes a file name, and different texts different names."""
import hashlib
from collections.abc import Collection
from urllib.parse import quote

#: The longest name, in bytes, without a digest: far below the 255 that file systems allow, so that a suffix fits.
LONGEST = 100
#: Names of devices on Windows, also if a suffix follows.
_DEVICES = {'con', 'prn', 'aux', 'nul', *(f'{port}{i}' for port in ('com', 'lpt') for i in range(1, 10))}


def file_name(name: str, taken: Collection[str] = ()) -> str:
    """The name of a file or folder for a name that a user gave.

    ASCII letters and digits, ``_``, ``.``, ``-`` and ``~`` stay; the UTF-8 bytes of other characters are
    percent-encoded. Eight hex digits of a digest are added if the name is empty, long, hidden, a device's on Windows,
    ends in a full stop, or differs from a taken one by case alone, which some file systems ignore.

    Args:
        name: any text.
        taken: file names that are in use.

    Returns:
        1 to 109 characters of ASCII, which name a file within a folder on every system.
    """
    encoded = quote(name.encode('utf-8', 'surrogatepass'), safe='')
    known = {other.casefold() for other in taken}
    plain = len(encoded) <= LONGEST and encoded.strip('.') == encoded != ''
    if plain and encoded.casefold() not in known and encoded.casefold().split('.')[0] not in _DEVICES:
        return encoded
    short = encoded[:LONGEST].strip('.')
    digest = hashlib.sha256(encoded.encode()).hexdigest()
    candidates = (f'{short}-{digest[start : start + 8]}' for start in range(56))
    return next(candidate for candidate in candidates if candidate.casefold() not in known)
